"""How a worker process finds its agent, and what becomes of an attempt when it does not."""

import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from callboard.actors.agents import Agent, Task, specialist
from callboard.actors.isolation import worker_process
from callboard.actors.loading import load
from callboard.actors.runner import Runner
from callboard.events.errors import InvalidValueError
from tests.support.attempts import attempt, running
from tests.support.log_lines import LogLines
from tests.support.processes import alive, python
from tests.support.runners import logged, runner_for_test
from tests.support.source import ROOT
from tests.support.waiting import until

APP = """
import os
from pathlib import Path
from callboard import specialist

@specialist("shop", isolation="process")
def shop(task):
    return [task.input, __name__]
"""
MAIN = """
import sys
from callboard.actors.runner import Runner
from callboard.actors.agents import specialist
from tests.support.attempts import attempt

@specialist("here", isolation="process")
def here(task):
    return task.input

if __name__ == "__main__":
    runner = Runner()
    runner.start()
    print(attempt(runner, here, "arrived").output)
    runner.stop()
"""

runner = runner_for_test()
lines = pytest.fixture(autouse=True)(logged)


@pytest.fixture(autouse=True)
def _import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def app(folder: Path, text: str = APP) -> list[Agent]:
    """Write an app, load it as callboard up does, and return its agents."""
    file = folder / "shop_app.py"
    file.write_text(text, encoding="utf-8")
    return load(str(file))


def test_it_is_loaded_from_the_file_of_the_app(runner: Runner, tmp_path: Path) -> None:
    assert attempt(runner, app(tmp_path)[0], 1).output == [1, "callboard_app_shop_app"]


def test_it_may_be_written_anywhere_when_the_app_has_it(runner: Runner, tmp_path: Path) -> None:
    made = "\n\ndef make(name):\n    return specialist(name, isolation='process')(lambda task: name)\n"
    (tmp_path / "making.py").write_text(f"from callboard import specialist{made}", encoding="utf-8")
    agents = app(tmp_path, "from making import make\none, two = make('one'), make('two')\n")
    assert [attempt(runner, agent).output for agent in agents] == ["one", "two"]


def test_it_is_loaded_from_a_relative_path_after_a_change_of_directory(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_app.py").write_text(APP, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    [shop] = load("shop_app.py")
    monkeypatch.chdir("/")
    assert attempt(runner, shop, 1).output == [1, "callboard_app_shop_app"]


def test_it_is_loaded_from_the_program_itself(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(MAIN, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, file], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert "arrived" in ran.stdout.splitlines()


def test_what_was_typed_in_is_refused() -> None:
    out, err = python(MAIN).communicate()
    assert out == ""
    assert "expected here to be a plain function of a module" in err
    assert "put it into a file" in err


async def later(task: Task) -> None: ...


class Shop:
    def process(self, task: Task) -> None: ...


@pytest.mark.parametrize("target", [later, functools.partial(later), Shop, Shop(), Shop().process, [].append])
def test_what_is_no_plain_function_is_refused(target: Any) -> None:
    with pytest.raises(InvalidValueError, match="plain function") as caught:
        specialist("a", isolation="process")(target)
    assert caught.value.field == "isolation"


def test_another_isolation_is_refused() -> None:
    with pytest.raises(InvalidValueError, match='isolation to be "thread" or "process", got'):
        specialist("a", isolation="container")(lambda task: task)  # type: ignore[arg-type]


def test_a_thread_is_the_default() -> None:
    made = specialist("a")(lambda task: task)
    assert (made.isolation, made.origin) == ("thread", None)
    assert specialist("a", isolation="thread")(later).is_async


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise ValueError('no key')\n", "cannot import app"),
        ("import os\nos._exit(4)\n", "the worker process ended with exit code 4 before it had loaded its agent"),
        (APP.replace('"shop"', '"till"'), "expected an agent 'shop' at the top level of its module, found there: till"),
    ],
    ids=["raises", "exits", "renamed"],
)
def test_an_app_that_a_process_cannot_load_fails_the_attempt(
    runner: Runner, tmp_path: Path, text: str, message: str, lines: LogLines
) -> None:
    [shop] = app(tmp_path)
    file = tmp_path / "shop_app.py"
    file.write_text(text, encoding="utf-8")
    os.utime(file, (0, 0))
    made = [attempt(runner, shop), attempt(runner, shop)]
    for one in made:
        kind, said, retryable = one.error
        assert (kind, retryable) == ("WorkerStartFailed", True)
        assert message in said
    assert message in lines.wait("worker.start_failed")["error"]
    assert runner.processes(shop).pids == []
    file.write_text(APP, encoding="utf-8")
    assert attempt(runner, shop, 1).output[0] == 1


HANGING = """
import os, time
from pathlib import Path
from callboard import specialist

if os.getpid() != {parent}:
    Path({file!r}).write_text(str(os.getpid()))
    time.sleep(600)

@specialist("shop", isolation="process")
def shop(task): ...
"""


def hanging(folder: Path) -> Agent:
    return app(folder, HANGING.format(parent=os.getpid(), file=str(folder / "pid")))[0]


def test_an_import_that_hangs_is_killed(runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "START_SECONDS", 3.0)
    kind, message, _ = attempt(runner, hanging(tmp_path)).error
    assert (kind, message) == ("WorkerStartFailed", "the worker process did not load its agent within 3 s")
    assert not alive(int((tmp_path / "pid").read_text(encoding="ascii")))


def test_a_stop_does_not_wait_for_an_import(tmp_path: Path, lines: LogLines) -> None:
    with running() as runner:
        made = attempt(runner, hanging(tmp_path))
        file = tmp_path / "pid"
        until(lambda: file.exists() and file.read_text(encoding="ascii"), "it imports")
        assert runner.stop(1.0)
        assert made.error[0] == "Stopped"
    assert not alive(int(file.read_text(encoding="ascii")))
    assert not lines.named("worker.start_failed")
