"""``callboard agents log``: attempts, from the command line."""

from tests.support.boards import board_for_module, run
from tests.support.running import Running

board = board_for_module()


def test_attempts_are_listed_the_last_started_one_first(board: Running) -> None:
    for task_id, text in (("kept-1", "echo"), ("kept-2", "break me")):
        run(board, "submit", text, "--id", task_id, "--wait")
    ran = run(board, "agents", "log")
    assert ran.code == 0
    assert ran.out.index("kept-2") < ran.out.index("kept-1")
    for word in ("outcome", "worker", "completed", "failed", r"RuntimeError: \x1b[2Jcannot do break me"):
        assert word in ran.out
    assert "\x1b" not in ran.out


def test_one_agent_one_task_the_newest_few_and_the_past(board: Running) -> None:
    for task_id in ("told-1", "told-2"):
        run(board, "submit", "echo", "--id", task_id, "--wait")

    def tasks(*options: str) -> list[str]:
        return [each["task_id"] for each in run(board, "agents", "log", *options, "--json").json["entries"]]

    assert tasks("--agent", "echo", "--limit", "2") == ["told-2", "told-1"]
    assert tasks("--agent", "nobody") == []
    assert tasks("--task", "told-1") == ["told-1"]
    seq = run(board, "agents", "log", "--task", "told-1", "--json").json["entries"][0]["seq"]
    assert tasks("--task", "told-1", "--as-of", str(seq)) == ["told-1"]
    assert tasks("--task", "told-1", "--as-of", str(seq - 1)) == []


def test_a_limit_out_of_range_is_a_usage_error(board: Running) -> None:
    assert run(board, "agents", "log", "--limit", "0").code == 2
