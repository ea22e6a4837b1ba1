"""What the service answered: an answer, or an error with its headers and body."""

import json
from typing import Any, NamedTuple


class WireReply(NamedTuple):
    """``code`` is 200 for an answer, else what ``Nats-Service-Error-Code`` says."""

    code: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def ok(self) -> dict[str, Any]:
        """The body of an answer that is no error."""
        assert self.code == 200, (self.code, self.data)
        body: dict[str, Any] = self.json
        return body

    def error(self, code: int, field: str | None = None) -> str:
        """Check that this is such an error, in the shape every error has, and return its ``detail``."""
        assert self.code == code, (self.code, self.data)
        body = self.json
        assert set(body) - {"field"} == {"type", "title", "detail"}
        assert all(isinstance(value, str) for value in body.values()), body
        assert body["type"].startswith("callboard:")
        assert body["title"]
        assert body["detail"]
        assert body.get("field") == field, body
        assert self.headers["Nats-Service-Error"]
        return str(body["detail"])
