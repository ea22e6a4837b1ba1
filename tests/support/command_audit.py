"""The oracle for commands: each one in the stream became a task, a cancellation, or a dead letter with its bytes."""

import json
from typing import NamedTuple

from nats.js.api import RawStreamMsg

from tests.support.dead_letter import DeadLetter, dead_letters
from tests.support.task_history import TaskHistory
from tests.support.wire import Wire
from tests.support.wire_event import names

COMMANDS = "CALLBOARD_COMMANDS"
REASONS = {
    "malformed", "invalid", "bad_subject", "unknown_agent", "unknown_task", "unsupported", "too_large",
    "not_possible", "unknown_heartbeat",
}  # fmt: skip


class CommandAudit(NamedTuple):
    """All commands of a stream and all dead letters."""

    commands: list[RawStreamMsg]
    letters: dict[int, DeadLetter]

    @classmethod
    async def of(cls, wire: Wire) -> "CommandAudit":
        """Read both streams; each message on its own, as subjects may be what a client library cannot read."""
        state = (await wire.js.stream_info(COMMANDS)).state
        commands = [await wire.js.get_msg(COMMANDS, seq) for seq in range(1, state.last_seq + 1)]
        letters = await dead_letters(wire)
        numbers = [letter.sequence for letter in letters]
        assert len(set(numbers)) == len(numbers), f"expected one dead letter for a command, got {sorted(numbers)}"
        return cls(commands, dict(zip(numbers, letters, strict=True)))

    @property
    def unexpected(self) -> dict[int, DeadLetter]:
        """The letters that are not just cancellations of tasks that had ended before."""
        late = {seq for seq, letter in self.letters.items() if letter.subject.startswith("callboard.cancel.")}
        return {
            seq: letter for seq, letter in self.letters.items() if seq not in late or letter.reason != "not_possible"
        }

    def check(self, tasks: dict[str, TaskHistory]) -> None:
        """Check that no command is lost: ``tasks`` is what the log holds."""
        assert self.letters.keys() <= {command.seq for command in self.commands}
        for command in self.commands:
            letter = self.letters.get(command.seq or 0)
            if letter is not None:
                assert letter.data == (command.data or b""), letter
                assert letter.reason in REASONS, letter
                assert letter.error, letter
            else:
                assert _taken(command, tasks), (command.seq, command.subject, (command.data or b"")[:200])


def _taken(command: RawStreamMsg, tasks: dict[str, TaskHistory]) -> bool:
    verb, *rest = (command.subject or "").removeprefix("callboard.").split(".")
    if verb == "cancel":
        return tasks[rest[0]].ended or "cancelled" in names(tasks[rest[0]].events)
    if verb == "retry":
        return "retried" in names(tasks[rest[0]].events)
    if verb == "heartbeat":  # what it leads to, in its own time, is no part of a task's history
        return True
    task_id = json.loads(command.data or b"").get("id")
    return task_id in tasks or any(name.endswith(f"-{command.seq}") for name in tasks)
