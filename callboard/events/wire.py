"""Reading the NATS protocol as the server writes it: lines whose parts are separated by one space, then a payload.

nats-py splits those lines at any white space. The server does not: it stores and delivers a message whose subject has a
vertical tab or a form feed in it, and one such message in a queue would break the connection of every reader for ever.
"""

from typing import Any, Final

import msgspec
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

_CRLF: Final = b"\r\n"
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
        start = 0
        while (end := buffer.find(_CRLF, start)) >= 0:
            line = bytes(buffer[start:end])
            body = end + 2
            if line.startswith((b"MSG ", b"HMSG ")):
                sid, subject, reply, header_size, size = _arguments(line)
                after = body + size
                if len(buffer) < after + 2:
                    break
                headers = bytes(buffer[body : body + header_size])
                payload = bytes(buffer[body + header_size : after])
                start = after + 2
                await self.nc._process_msg(sid, subject, reply, payload, headers)  # noqa: SLF001 - the client's own half
            else:
                start = body
                await _control(self.nc, line)
            if self.buf is not buffer:
                # The connection broke meanwhile, and a reset began anew.
                return
        del buffer[:start]
        if start == 0 and len(buffer) > _MAX_LINE and _CRLF not in buffer:
            raise ProtocolError


def _arguments(line: bytes) -> tuple[int, bytes, bytes, int, int]:
    """Return sid, subject, reply, header size and total size of a MSG or HMSG line."""
    kind, *parts = line.split(b" ")
    header_size = 0
    try:
        size = int(parts.pop())
        if kind == b"HMSG":
            header_size = int(parts.pop())
        subject, sid, *reply = parts
        return int(sid), subject, reply[0] if reply else b"", header_size, size
    except (ValueError, IndexError) as error:
        raise ProtocolError from error


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
