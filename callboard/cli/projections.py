"""``callboard projections``."""

import os
import sys
from typing import Annotated, Final

from cyclopts import App, Parameter

from callboard import logs
from callboard.cli.output import Output, remark
from callboard.cli.settings import HERE, Place, given_values
from callboard.config import Config
from callboard.nats_url import shown_url
from callboard.projections.rebuild import forget
from callboard.rebuilding import rebuild as rebuild_all
from callboard.request_views import FILE

_FORGOTTEN: Final = "counts of the request log removed: the next start counts what is left of it"

app = App(name="projections", help="Rebuild the views from the event log.")


@app.command
def rebuild(
    *,
    place: Place = HERE,
    requests: Annotated[bool, Parameter(help="The counts of the request log instead.")] = False,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON instead of a sentence.")] = False,
) -> int:
    """Throw every view away and build it anew from the first event on; callboard must not run on the directory.

    Args:
        place: Which directory, and which server.
        requests: Throw away the counts of the request log instead: the next start counts what is left of it.
        json: Print JSON instead of a sentence.
    """
    logs.configure(sys.stderr, level="error", colors=not os.environ.get("NO_COLOR"))
    out = Output(json=json)
    if requests:
        forget(place.directory / FILE)
        out.document({"removed": str(place.directory / FILE)}) if json else out.text(_FORGOTTEN)
        return 0
    if place.nats_url is not None and place.named_by != "--nats":
        remark(f"using the server of {place.named_by}: {shown_url(place.nats_url)}")
    rebuilt = rebuild_all(Config.build(**given_values(place)))
    if json:
        out.document(rebuilt)
    else:
        out.text(f"views rebuilt from {rebuilt.events} events in {rebuilt.seconds:.1f} s")
    return 0
