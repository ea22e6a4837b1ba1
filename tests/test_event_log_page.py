"""The example on the page about the event log runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

from callboard.events.appender import MAX_BATCH
from callboard.events.reader import EVENT_HEADER, MAX_FILTERS, TOPIC_HEADER
from callboard.events.subjects import MAX_ID_BYTES
from tests.support.nats_server import NatsServer

PAGE = Path(__file__).parent.parent / "docs" / "event-log.md"


def test_the_example_runs(nats_server: NatsServer, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    script = tmp_path / "theatre.py"
    script.write_text(code.replace("nats://127.0.0.1:4222", nats_server.url), encoding="utf-8")
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == ["1 1 __main__:Play.Announced", "2 2 __main__:Play.Joined"]


def test_names_and_limits_are_those_in_force() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"Two to {MAX_BATCH:,} events" in page
    assert f"up to {MAX_FILTERS} filters" in page
    assert f"up to {MAX_ID_BYTES} bytes" in page
    assert f"{EVENT_HEADER}: <append id>.<n>" in page
    assert f"{TOPIC_HEADER}: <topic>" in page
