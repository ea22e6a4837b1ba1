"""The stored bytes in ``tests/golden`` of one kind of event, and what is read from them."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

E = TypeVar("E")
FOLDER = Path(__file__).parents[1] / "golden"


class Golden(Generic[E]):
    """The bytes of events of ``kind``, each in a file named for its event, and maybe for what is special about it."""

    def __init__(self, kind: str, decode: Callable[[str, bytes], E]) -> None:
        self._folder = FOLDER / kind
        self._kind = kind
        self._decode = decode

    @property
    def names(self) -> set[str]:
        """What there are bytes of."""
        return {path.name.removesuffix(".json") for path in (self._folder / "v1").iterdir()}

    @property
    def topics(self) -> set[str]:
        """The topics that there are bytes of."""
        return {self._topic(name) for name in self.names}

    @property
    def frozen_topics(self) -> list[str]:
        """The topics as they were written down, in order."""
        return (self._folder / "topics.txt").read_text(encoding="utf-8").split()

    def stored(self, name: str) -> bytes:
        """Return the bytes of one event."""
        return (self._folder / "v1" / f"{name}.json").read_bytes()

    def decoded(self, name: str) -> E:
        """Return the event that its bytes are read as."""
        return self._decode(self._topic(name), self.stored(name))

    def decoded_with_an_unknown_field(self, name: str) -> E:
        """Return the event that its bytes are read as when a newer version has added a field."""
        return self._decode(self._topic(name), self.stored(name)[:-1] + b',"since_version_9":{"deep":[1]}}')

    def _topic(self, name: str) -> str:
        return f"{self._kind}.{name.partition('.')[0]}"
