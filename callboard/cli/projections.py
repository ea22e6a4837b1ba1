"""``callboard projections``."""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from callboard import logs
from callboard.cli.check import name_server
from callboard.cli.output import Output, complain, remark
from callboard.cli.progress import bar
from callboard.cli.settings import HERE, Place, given_values
from callboard.config import Config
from callboard.events.errors import InvalidValueError
from callboard.log_place import parse_place
from callboard.process import SWITCH_SECONDS
from callboard.projections.rebuild import forget
from callboard.rebuilding import Rebuilt, Wish
from callboard.rebuilding import rebuild as rebuild_views
from callboard.request_views import FILE

_FORGOTTEN: Final = "counts of the request log removed: the next start counts what is left of it"

app = App(name="projections", help="Rebuild the views from the event log.")


@app.command
def rebuild(
    name: str | None = None,
    *,
    until: str | None = None,
    out: Path | None = None,
    verify: bool = False,
    place: Place = HERE,
    requests: Annotated[bool, Parameter(help="The counts of the request log instead.")] = False,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON instead of a sentence.")] = False,
) -> int:
    """Build the views anew from the first event on, beside those in use, and put them in their place at the end.

    A callboard that runs on the directory goes on meanwhile, and takes the new views over.

    Args:
        name: Only this projection (default: all).
        until: Only the events up to this sequence or time; needs --out.
        out: Write the views to this new file, and leave those in use alone.
        verify: Only compare with the views in use, print the first difference, and exit with 1 if there is one.
        place: Which directory, and which server.
        requests: Throw away the counts of the request log instead, while callboard is stopped: the next start counts
            what is left of it.
        json: Print JSON instead of a sentence.
    """
    wish = Wish(name=name, until=None if until is None else parse_place(until, "until"), out=out, verify=verify)
    logs.configure(sys.stderr, level="error", colors=not os.environ.get("NO_COLOR"))
    if requests:
        _forget(place.directory / FILE, wish, Output(json=json))
        return 0
    sys.setswitchinterval(SWITCH_SECONDS)
    name_server(place)
    with bar("rebuilding") as progress:
        rebuilt = rebuild_views(Config.build(**given_values(place)), wish, progress)
    if json:
        Output(json=True).document(rebuilt)
    else:
        _say(rebuilt, wish)
    return 0 if rebuilt.difference is None else 1


def _forget(path: Path, wish: Wish, out: Output) -> None:
    if wish != Wish():
        raise InvalidValueError("expected requests alone: its counts are removed, not built here", field="requests")
    forget(path)
    out.document({"removed": str(path)}) if out.json else out.text(_FORGOTTEN)


def _say(rebuilt: Rebuilt, wish: Wish) -> None:
    if rebuilt.difference is not None:
        complain(f"the views differ from the log, in use and rebuilt:\n{rebuilt.difference}")
        return
    did = "equal to a rebuild" if wish.verify else "rebuilt"
    if rebuilt.missing:
        remark(f"{rebuilt.missing} events are lost: `callboard check` says what of")
    Output().text(f"views {did} from {rebuilt.events} events in {rebuilt.seconds:.1f} s")
