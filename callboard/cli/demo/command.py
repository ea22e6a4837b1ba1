"""``callboard demo``."""

from callboard.cli.demo.show import run
from callboard.cli.options import DEFAULTS, Options


def demo(*, options: Options = DEFAULTS) -> int:
    """Run the whole path once, on a server and in a directory of its own, and show it.

    Exit code 1 when the views and a replay of the log do not agree.

    Args:
        options: How to print; the demo starts its own server, and --nats changes nothing.
    """
    return run(options.output())
