"""``callboard rules learn``."""

from typing import Annotated

from cyclopts import Parameter

from callboard.cli.options import DEFAULTS, Options
from callboard.cli.output import remark


async def learn(
    *,
    user: Annotated[str, Parameter(name=("--user", "--user-id"), help="Of whom.")],
    min_seq: Annotated[int | None, Parameter(help="Wait until the views have the log of events up to there.")] = None,
    min_request_seq: Annotated[
        int | None, Parameter(help="Wait until they have the request log up to there: its own sequence.")
    ] = None,
    options: Options = DEFAULTS,
) -> int:
    """Look for rules of a user now, and propose those that are new; prints their ids.

    Args:
        user: Of whom.
        min_seq: Wait until the views have the log of events up to there.
        min_request_seq: Wait until they have the request log up to there: its own sequence.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        lesson = await board.learn_rules(user, min_seq=min_seq, min_request_seq=min_request_seq)
    out = options.output()
    if out.json:
        out.document(lesson)
        return 0
    for rule in lesson.proposed:
        out.text(f"{'accepted' if rule in lesson.accepted else 'proposed'} {rule}")
    if lesson.kept_back:
        remark(f"{lesson.kept_back} more, kept back: too many rules wait to be decided on")
    return 0
