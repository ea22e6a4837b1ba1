"""A nats-server configuration in operator mode, where users log in with a ``.creds`` file as hosted servers ask for."""

import base64
import os
import time
from pathlib import Path
from typing import Any, Final

import msgspec
import nkeys  # type: ignore[import-untyped]

NO_LIMITS: Final = dict.fromkeys(("subs", "data", "payload", "conn", "leaf", "imports", "exports"), -1)
JETSTREAM: Final = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)


class Key:
    """A key pair of an operator, an account or a user."""

    def __init__(self, kind: int) -> None:
        self.seed: bytes = nkeys.encode_seed(os.urandom(32), kind)
        self._pair = nkeys.from_seed(bytearray(self.seed))

    @property
    def name(self) -> str:
        return str(self._pair.public_key.decode())

    def signed(self, subject: str, claims: dict[str, Any]) -> str:
        """Return the token in which this key says ``claims`` of ``subject``."""
        head = _part({"typ": "JWT", "alg": "ed25519-nkey"})
        said = {"iat": int(time.time()), "iss": self.name, "sub": subject, "name": "test", "nats": claims}
        text = f"{head}.{_part(said)}"
        return f"{text}.{_text(self._pair.sign(text.encode()))}"


class Accounts:
    """An operator and one account with JetStream; :attr:`config` is what its server is started with."""

    def __init__(self) -> None:
        self._operator = Key(nkeys.PREFIX_BYTE_OPERATOR)
        self._account = Key(nkeys.PREFIX_BYTE_ACCOUNT)
        self._system = Key(nkeys.PREFIX_BYTE_ACCOUNT)

    @property
    def config(self) -> str:
        operator = self._operator.signed(self._operator.name, {"type": "operator", "version": 2})
        accounts = {self._account.name: NO_LIMITS | JETSTREAM, self._system.name: NO_LIMITS}
        tokens = {name: self._token(name, limits) for name, limits in accounts.items()}
        preload = "\n".join(f"{name}: {token}" for name, token in tokens.items())
        return (
            f"operator: {operator}\nsystem_account: {self._system.name}\n"
            f"resolver: MEMORY\nresolver_preload: {{\n{preload}\n}}\n"
        )

    def write_user(self, path: Path) -> Path:
        """Write the credentials of a new user of the account to ``path`` and return it."""
        user = Key(nkeys.PREFIX_BYTE_USER)
        token = self._account.signed(user.name, {"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1})
        path.write_text(
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n",
            encoding="ascii",
        )
        return path

    def _token(self, name: str, limits: dict[str, int]) -> str:
        claims = {"type": "account", "version": 2, "limits": {**limits, "wildcards": True}}
        return self._operator.signed(name, claims)


def _part(value: Any) -> str:
    return _text(msgspec.json.encode(value))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
