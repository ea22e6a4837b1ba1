"""Two callboards on one directory: the second is told which one is in the way."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from callboard.errors import DirectoryInUseError
from callboard.events.errors import CallboardError
from callboard.lock import DirectoryLock
from tests.support.processes import python
from tests.support.waiting import until

HOLD = """
import sys
from pathlib import Path
from callboard.lock import DirectoryLock
DirectoryLock(Path(sys.argv[1])).acquire()
print("held")
sys.stdin.read()
"""


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path / "deep" / "board")
    lock.acquire()
    assert (tmp_path / "deep" / "board").stat().st_mode & 0o777 == 0o700
    lock.release()


def test_a_second_holder_is_refused_with_directory_and_pid(tmp_path: Path) -> None:
    other = python(HOLD, str(tmp_path))
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DirectoryInUseError) as caught:
            DirectoryLock(tmp_path).acquire(wait_seconds=0.1)
        assert isinstance(caught.value, CallboardError)
        assert caught.value.pid == other.pid
        assert str(tmp_path) in str(caught.value)
        assert str(other.pid) in str(caught.value)
    finally:
        other.kill()
        other.communicate()


def test_a_lock_that_was_refused_can_be_taken_later(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.acquire()
    with pytest.raises(DirectoryInUseError):
        second.acquire(wait_seconds=0)
    first.release()
    second.acquire(wait_seconds=0)
    second.release()


def test_a_dying_predecessor_is_waited_for(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.acquire()
    waiter = threading.Thread(target=second.acquire, args=(20.0,))
    waiter.start()
    until(lambda: open_files(tmp_path / "lock") == 2, "the second has opened the lock file")
    assert second.file is None
    first.release()
    waiter.join()
    assert second.file is not None
    second.release()


def test_a_child_that_inherited_it_holds_it_after_its_parent(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, pass_fds=(first.acquire(),))
    first.release()
    with pytest.raises(DirectoryInUseError):
        second.acquire(wait_seconds=0)
    child.communicate()
    second.acquire(wait_seconds=0)
    second.release()


def test_taking_and_releasing_twice_changes_nothing(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    assert lock.acquire() == lock.acquire()
    lock.release()
    lock.release()


def open_files(path: Path) -> int:
    links = Path("/proc/self/fd").iterdir()
    return sum(1 for link in links if os.path.realpath(link) == str(path.resolve()))
