"""A TCP port for a server that is stopped and started again on the same one."""

import random
import socket

HOST = "127.0.0.1"
LOW, HIGH = 20_000, 30_000
"""Below the range from which the kernel takes the local ports of outgoing connections: nobody gets it in between."""


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    while True:
        port = random.randrange(LOW, HIGH)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
