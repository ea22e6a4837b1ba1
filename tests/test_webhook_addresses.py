"""The table of addresses that a webhook may and may not reach."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.channels.addresses import literal_refusal, refusal

NEVER = [
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "0.1.2.3",
    "100.64.0.1",
    "100.100.100.200",  # Alibaba's metadata service
    "100.127.255.255",
    "168.63.129.16",  # Azure's
    "169.254.0.1",
    "169.254.169.254",  # nearly everybody's
    "169.254.170.2",  # Amazon ECS's
    "192.0.0.1",
    "192.0.0.192",  # Oracle's
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::7f00:1",  # IPv4 in the deprecated compatible form
    "::a9fe:a9fe",
    "::ffff:0:7f00:1",  # IPv4 translated
    "::ffff:169.254.169.254",
    "::ffff:224.0.0.1",
    "64:ff9b::7f00:1",  # NAT64 to loopback
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",  # NAT64 of a local network
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of loopback
    "2002:808:808::1",  # 6to4 of a public address: nobody serves there
    "3fff::1",
    "5f00::1",
    "4000::1",
    "fd00:ec2::254",  # Amazon's metadata service
    "fd20:ce::254",  # Google's
    "fe80::1",
    "fe80::1%eth0",
    "febf:ffff::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
DEVELOPMENT = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "fc00::1",
    "fd12:3456:789a::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.15",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2001:4860:4860::8888",
    "2003::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:800::200e",
]


@pytest.mark.parametrize("address", NEVER)
def test_never(address: str) -> None:
    assert refusal(address) is not None
    assert refusal(address, allow_private=True) is not None


@pytest.mark.parametrize("address", DEVELOPMENT)
def test_in_development_only(address: str) -> None:
    assert refusal(address) in {"a loopback address", "a private address"}
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert refusal(address) is None
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "1.2.3.4.5", "::g", "127.0.0.1/8"])
def test_what_is_no_address_is_refused_as_one_and_left_to_the_resolver_as_a_host(text: str) -> None:
    assert refusal(text) == "no IP address"
    assert literal_refusal(text) is None


@given(st.ip_addresses())
def test_the_standard_librarys_opinion_is_a_lower_bound(address: object) -> None:
    if not ip_address(str(address)).is_global and getattr(address, "ipv4_mapped", None) is None:
        assert refusal(str(address)) is not None


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_what_it_maps_and_a_translated_one_never_private(address: object) -> None:
    assert refusal(f"::ffff:{address}", allow_private=True) == refusal(str(address), allow_private=True)
    assert refusal(f"64:ff9b::{address}", allow_private=True) == refusal(str(address))
