"""The stored bytes in ``tests/golden`` of one kind of event, and what is read from them."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
import pytest

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


class GoldenEvents:
    """What holds for ever of the events of one kind of aggregate; a subclass says which, with the bytes they have."""

    golden: ClassVar[Golden[Any]]
    expected: ClassVar[Mapping[str, Any]]
    """The event that each file in the folder holds."""

    events: ClassVar[Collection[Any]]
    """All classes of them."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Have each test that takes a ``name`` run for every file."""
        if "name" in metafunc.fixturenames:
            metafunc.parametrize("name", self.expected)

    def test_every_event_has_golden_bytes_and_every_golden_file_is_checked(self) -> None:
        assert self.golden.names == set(self.expected)
        assert self.golden.topics == {cls.TOPIC for cls in self.events}

    def test_stored_bytes_decode_into_the_same_event_for_ever(self, name: str) -> None:
        assert self.golden.decoded(name) == self.expected[name]

    def test_an_event_encodes_into_the_same_bytes_as_ever(self, name: str) -> None:
        assert msgspec.json.encode(self.expected[name]) == self.golden.stored(name)

    def test_a_reader_ignores_fields_it_does_not_know(self, name: str) -> None:
        assert self.golden.decoded_with_an_unknown_field(name) == self.expected[name]
