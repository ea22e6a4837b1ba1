"""Reading the NATS protocol as the server writes it: lines whose parts are separated by one space, then a payload.

nats-py splits those lines at any white space. The server does not: it stores and delivers a message whose subject has a
vertical tab or a form feed in it, and one such message in a queue would break the connection of every reader for ever.
"""

from typing import Any, Final

import msgspec
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

from callboard.events.message import Message

_CRLF: Final = b"\r\n"
_MESSAGES: Final = (b"MSG ", b"HMSG ")
_WITH_REPLY: Final = 5
_WITHOUT_REPLY: Final = 4
_MAX_LINE: Final = 64 * 1024
"""The server's INFO line is the longest, with every address of a cluster in it; others stay below 4 KiB."""


class WireParser(Parser):
    """The parser of one connection; takes bytes as they arrive and hands complete messages to the client."""

    async def parse(self, data: bytes = b"") -> None:
        """Take ``data``, process every complete message in it and keep the rest for the next call.

        Raises:
            ProtocolError: this is not the NATS protocol.
        """
        buffer = self.buf
        buffer += data
        if len(buffer) < self.needed:
            return
        # One copy of the whole chunk: slices of bytes cost half of what slices of a bytearray do.
        chunk, start, needed = bytes(buffer), 0, 0
        while (end := chunk.find(_CRLF, start)) >= 0:
            line = chunk[start:end]
            body = end + 2
            if line.startswith(_MESSAGES):
                sid, subject, reply, header_size, size = _arguments(line)
                after = body + size
                if len(chunk) < after + 2:
                    # A large message comes in many pieces: there is no point in looking at each.
                    needed = after + 2 - start
                    break
                start = after + 2
                headers, payload = chunk[body : body + header_size], chunk[body + header_size : after]
                receive = self.nc.taps.get(sid)
                if receive is not None:
                    receive(Message(_text(subject), _text(reply), payload, headers))
                    continue
                await self.nc._process_msg(_number(sid), subject, reply, payload, headers)  # noqa: SLF001 - its own half
            else:
                start = body
                await _control(self.nc, line)
            if self.buf is not buffer:
                # The connection broke meanwhile, and a reset began anew.
                return
        self.needed = needed
        del buffer[:start]
        if start == 0 and len(buffer) > _MAX_LINE and _CRLF not in buffer:
            raise ProtocolError


def _arguments(line: bytes) -> tuple[bytes, bytes, bytes, int, int]:
    """Return sid, subject, reply, header size and total size of a MSG or HMSG line."""
    parts = line.split(b" ")
    count = len(parts) - (parts[0] == b"HMSG")
    header_size = 0 if count == len(parts) else _number(parts[-2])
    if count == _WITH_REPLY:
        return parts[2], parts[1], parts[3], header_size, _number(parts[-1])
    if count == _WITHOUT_REPLY:
        return parts[2], parts[1], b"", header_size, _number(parts[-1])
    raise ProtocolError


def _number(token: bytes) -> int:
    if not token.isdigit():
        raise ProtocolError
    return int(token)


def _text(token: bytes) -> str:
    # A subject need not be UTF-8; an exception here would end the reading of this connection.
    return token.decode("utf-8", "backslashreplace")


async def _control(client: Any, line: bytes) -> None:
    """Process a line that is no message."""
    verb, _, rest = line.partition(b" ")
    if verb == b"PING":
        await client._process_ping()  # noqa: SLF001 - the client's own half
    elif verb == b"PONG":
        await client._process_pong()  # noqa: SLF001
    elif verb == b"-ERR":
        await client._process_err(rest.decode("utf-8", "replace").lower())  # noqa: SLF001
    elif verb == b"INFO":
        await client._process_info(msgspec.json.decode(rest))  # noqa: SLF001
    elif verb != b"+OK":
        raise ProtocolError
