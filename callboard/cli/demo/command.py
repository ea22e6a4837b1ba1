"""``callboard demo``."""

import signal

from callboard.cli.demo.show import run
from callboard.cli.options import DEFAULTS, Options


def demo(*, options: Options = DEFAULTS) -> int:
    """Run the whole path once, on a server and in a directory of its own, and show it.

    Exit code 1 when the views and a replay of the log do not agree.

    Args:
        options: How to print; the demo starts its own server, and --nats changes nothing.
    """
    # So that a stopped demo also ends its server and removes its directory.
    signal.signal(signal.SIGTERM, lambda *_signal: signal.raise_signal(signal.SIGINT))
    return run(options.output())
