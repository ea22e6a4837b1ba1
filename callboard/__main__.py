"""The entry of ``callboard`` and ``python -m callboard``."""

import sys
from typing import Final

INTERRUPTED: Final = 130


def main() -> None:
    """Run the command line of this process and exit; a Ctrl-C while it is still being imported is no error either."""
    try:
        from callboard.cli.main import main as command  # noqa: PLC0415 - outside, nobody would catch the Ctrl-C

        command()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
