"""Examples in the documentation of a request and its answer, and what answers have in common."""

import re
from typing import Any, NamedTuple


class Example(NamedTuple):
    """What is asked, with which JSON, and the JSON of the answer."""

    name: str
    request: str
    answer: str


def examples(page: str) -> list[Example]:
    """Return the examples of ``page``, in their order."""
    found = re.findall(r"nats request callboard\.(\S+) '([^'\n]*)'\n\n```json\n(.*?)```", page, re.DOTALL)
    return [Example(*each) for each in found]


def shape(value: Any) -> Any:
    """Return the fields of a JSON value, all the way down, without what is in them; of a list the first element's."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value[:1]] if isinstance(value, list) else None
