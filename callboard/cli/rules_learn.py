"""``callboard rules learn``."""

from typing import Annotated

from cyclopts import Parameter

from callboard.cli.options import DEFAULTS, Options


async def learn(
    *,
    user: Annotated[str, Parameter(name=("--user", "--user-id"), help="Of whom.")],
    options: Options = DEFAULTS,
) -> int:
    """Look for rules of a user now, and propose those that are new; prints their ids.

    Args:
        user: Of whom.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        lesson = await board.learn_rules(user)
    out = options.output()
    if out.json:
        out.document(lesson)
        return 0
    for rule in lesson.proposed:
        out.text(f"{'accepted' if rule in lesson.accepted else 'proposed'} {rule}")
    return 0
