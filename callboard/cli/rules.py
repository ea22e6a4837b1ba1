"""``callboard rules``: list, show, accept and reject what was learned of a user."""

from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.text import Text

from callboard.cli.as_of import NOW, Then
from callboard.cli.options import DEFAULTS, WHOLE, Options
from callboard.cli.output import Output
from callboard.cli.text import compact, moment, safe
from callboard.events.subjects import QUERY
from callboard.events.user_state import Standing
from callboard.replies import read
from callboard.rule_replies import RuleInfo, RuleList, RuleReceipt

app = App(name="rules", help="List, show, accept and reject what was learned of a user.")

STYLES: Final = {"proposed": "cyan", "accepted": "green", "rejected": "red"}
User = Annotated[str, Parameter(name=("--user", "--user-id"), help="Whose rules.")]
Why = Annotated[str | None, Parameter(help="Why.")]


@app.command(name="ls")
async def list_(
    *,
    user: User,
    status: Annotated[Standing | None, Parameter(help="Only those that are proposed, accepted or rejected.")] = None,
    limit: Annotated[int, WHOLE, Parameter(help="How many at most.")] = 50,
    then: Then = NOW,
    options: Options = DEFAULTS,
) -> int:
    """List the rules of a user, those with the best lower bound first.

    Args:
        user: Whose rules.
        status: Only those that are proposed, accepted or rejected.
        limit: How many at most.
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.rules", then.query(user_id=user, status=status, limit=limit))
    out = options.output()
    if out.json:
        out.document(document)
    else:
        rows = (
            (each.id, _status(each), f"{each.bound:.2f}", _share(each), safe(each.text, 120))
            for each in read(document, RuleList).rules
        )
        out.table(("rule", "status", ">bound", ">right", "says"), rows)
    return 0


@app.command
async def show(rule: str, /, *, user: User, then: Then = NOW, options: Options = DEFAULTS) -> int:
    """Show one rule, what supports it, and how to see that.

    Args:
        rule: The rule's id.
        user: Whose rule.
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        found = await board.rule(user, rule, as_of=then.as_of)
    out = options.output()
    if out.json:
        out.document(found)
    else:
        _print(out, found)
    return 0


@app.command
async def accept(rule: str, /, *, user: User, reason: Why = None, options: Options = DEFAULTS) -> int:
    """Let a rule hold from now on.

    Args:
        rule: The rule's id.
        user: Whose rule.
        reason: Why.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        receipt = await board.accept_rule(user, rule, reason)
    return _done(options, receipt, "accepted")


@app.command
async def reject(rule: str, /, *, user: User, reason: Why = None, options: Options = DEFAULTS) -> int:
    """Let a rule hold no longer, and never be proposed again.

    Args:
        rule: The rule's id.
        user: Whose rule.
        reason: Why.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        receipt = await board.reject_rule(user, rule, reason)
    return _done(options, receipt, "rejected")


def _done(options: Options, receipt: RuleReceipt, what: str) -> int:
    out = options.output()
    if out.json:
        out.document(receipt)
    else:
        out.text(f"{what} {receipt.id}")
    return 0


def _status(rule: RuleInfo) -> Text:
    return Text(rule.status, style=STYLES.get(rule.status, ""))


def _share(rule: RuleInfo) -> str:
    return f"{rule.support} of {rule.seen}" if rule.seen else f"{rule.confidence:.0%}"


def _print(out: Output, rule: RuleInfo) -> None:
    out.facts(
        [
            ("rule", rule.id),
            ("user", rule.user_id),
            ("status", _status(rule)),
            *((f"when {name}", compact(value)) for name, value in sorted(rule.when.items())),
            (f"then {rule.field}", compact(rule.value)),
            ("right in", _share(rule)),
            ("at least", f"{rule.bound:.1%}"),
            ("proposed", moment(rule.proposed_at)),
            ("decided", moment(rule.decided_at)),
            ("reason", rule.reason),
            ("events", _sequences(rule.events)),
            ("requests", _sequences(rule.requests)),
        ]
    )
    for sequences, how in (
        (rule.events, "to see an event:   callboard log replay --since {0} --until {0}"),
        (rule.requests, "to see a request:  callboard requests tail --since-seq {0} --limit 1"),
    ):
        if sequences:
            out.text(how.format(sequences[-1]))


def _sequences(sequences: list[int]) -> str:
    return " ".join(map(str, sequences))
