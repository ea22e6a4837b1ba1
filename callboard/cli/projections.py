"""``callboard projections``."""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from callboard import logs
from callboard.cli.output import Output, complain, remark
from callboard.cli.progress import bars
from callboard.cli.settings import HERE, Place, given_values
from callboard.config import Config
from callboard.log_place import parse_place
from callboard.nats_url import shown_url
from callboard.process import SWITCH_SECONDS
from callboard.rebuilding import Rebuilt, Wish
from callboard.rebuilding import rebuild as rebuild_views
from callboard.views_file import VIEWS_FILES

_TITLES: Final = {views.file: views.title for views in VIEWS_FILES}

app = App(name="projections", help="Rebuild the views from the event log and the request log.")


@app.command
def rebuild(
    name: str | None = None,
    *,
    until: str | None = None,
    out: Path | None = None,
    verify: bool = False,
    place: Place = HERE,
    requests: Annotated[bool, Parameter(help="Only the counts of the request log.")] = False,
    json: Annotated[bool, Parameter(name="--json", help="Print a JSON object per line instead of sentences.")] = False,
) -> int:
    """Build the views anew from the first event on, beside those in use, and put them in their place at the end.

    A callboard that runs on the directory goes on meanwhile, and takes the new views over. Counts of the request log
    stay if its stream has forgotten some of its lines, unless --requests is given.

    Args:
        name: Only this projection (default: all).
        until: Only the events up to this sequence or time; needs --out.
        out: Write the views of the event log (with --requests: of the request log) to this new file, and leave those
            in use alone.
        verify: Only compare with the views in use, print the first difference, and exit with 1 if there is one.
        place: Which directory, and which server.
        requests: Only the counts of the request log, from what is left of it.
        json: Print a JSON object per line instead of sentences, one for each file.
    """
    moment = None if until is None else parse_place(until, "until")
    wish = Wish(name=name, until=moment, out=out, verify=verify, requests=requests)
    logs.configure(sys.stderr, level="error", colors=not os.environ.get("NO_COLOR"))
    sys.setswitchinterval(SWITCH_SECONDS)
    if place.nats_url is not None and place.named_by != "--nats":
        remark(f"using the server of {place.named_by}: {shown_url(place.nats_url)}")
    with bars() as tell:
        found = rebuild_views(
            Config.build(**given_values(place)), wish, lambda file, done, of: tell(f"rebuilding {file}", done, of)
        )
    for rebuilt in found:
        if json:
            Output(json=True).line(rebuilt)
        else:
            _say(rebuilt, wish)
    return 0 if all(rebuilt.difference is None for rebuilt in found) else 1


def _say(rebuilt: Rebuilt, wish: Wish) -> None:
    title = _TITLES[rebuilt.file]
    if rebuilt.left_out:
        done = "not compared" if wish.verify else "left as they are (--requests counts what is left)"
        remark(f"{title} {done}: {rebuilt.left_out}")
        return
    if rebuilt.difference is not None:
        complain(f"the {title} differ from the log, in use and rebuilt:\n{rebuilt.difference}")
        return
    did = "equal to a rebuild" if wish.verify else "rebuilt"
    if rebuilt.missing:
        remark(f"{rebuilt.missing} events are lost: `callboard check` says what of")
    Output().text(f"{title} {did} from {rebuilt.events} events in {rebuilt.seconds:.1f} s")
