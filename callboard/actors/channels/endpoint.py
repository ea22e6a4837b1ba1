"""Where a webhook goes: its URL, taken apart once, by one parser."""

import re

import httpx
from msgspec import Struct

from callboard.actors.channels.channel import SpecError

MAX_URL_LENGTH = 2_048
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_IPV6 = re.compile(r"[0-9a-f:.]{2,45}")


class Endpoint(Struct, frozen=True):
    """The parts of a URL that a request is made of, all ASCII; ``netloc`` is what stands in ``Host``."""

    scheme: str
    host: str
    port: int
    netloc: str
    target: str


def parse(url: str) -> Endpoint:
    """Return the parts of a webhook's URL.

    Raises:
        SpecError: it is too long, not http or https, without a host, with a user name in it, or malformed. The message
            does not repeat the URL: its path and query may be secrets.
    """
    if len(url) > MAX_URL_LENGTH:
        raise SpecError("url", f"expected at most {MAX_URL_LENGTH} characters, got {len(url)}")
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError) as error:
        raise SpecError("url", f"expected an http or https URL, got one that is malformed ({_why(error)})") from None
    if parsed.scheme not in _PORTS:
        raise SpecError("url", "expected an http or https URL, got another scheme")
    if parsed.userinfo:
        raise SpecError("url", "expected no user name or password in the URL: submissions are stored")
    return Endpoint(
        scheme=parsed.scheme,
        host=_host(host),
        port=_port(_PORTS[parsed.scheme] if parsed.port is None else parsed.port),
        netloc=parsed.netloc.decode("ascii"),
        target=parsed.raw_path.decode("ascii"),
    )


def _host(host: str) -> str:
    if not host:
        raise SpecError("url", "expected a host in the URL")
    if not (_NAME.fullmatch(host) or (":" in host and _IPV6.fullmatch(host))):
        raise SpecError("url", "expected a host name or an IP address in the URL")
    return host


def _port(port: int) -> int:
    if not 1 <= port <= 65_535:
        raise SpecError("url", f"expected a port of 1-65535 in the URL, got {port}")
    return port


def _why(error: Exception) -> str:
    """Return the kind of mistake without the text that was mistaken."""
    return str(error).split(":", 1)[0].split(",", 1)[0] if isinstance(error, httpx.InvalidURL) else "bad host name"
