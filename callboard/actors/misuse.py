"""What a handler asks of its context that no attempt can ever get."""

from callboard.events.errors import InvalidValueError


class MisuseError(InvalidValueError):
    """A handler calls its context in a way that is wrong each time: another attempt would come to the same."""

    retryable = False
