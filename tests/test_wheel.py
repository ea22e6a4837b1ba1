"""The built wheel, installed into a fresh environment away from the checkout, is the whole program."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.source import ROOT, modules

DEMO_SECONDS = 120


def run(*command: str | Path, cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    # Nothing of this environment: no virtual environment, no settings of callboard, nothing from its own directory.
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("CALLBOARD", "NATS", "PYTHON"))}
    keep.pop("VIRTUAL_ENV", None)
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=keep, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``callboard`` program of a fresh environment that knows nothing of the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    [wheel] = built.glob("*.whl")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return folder / "bin" / "callboard"


def test_the_wheel_holds_the_package_once_and_nothing_else(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert {name.split("/")[0] for name in names} == {"callboard"}
    assert len(names) == len(set(names))
    assert {"callboard/nats.conf", "callboard/py.typed"} <= set(names)
    assert {str(path.relative_to(ROOT)) for path in modules()} <= set(names)


def test_the_source_archive_holds_the_package_once(built: Path) -> None:
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        tops = {name.split("/")[1] for name in content.getnames()}
    assert {"callboard", "tests", "pyproject.toml", "LICENSE"} <= tops
    assert tops.isdisjoint({"actors", "events", "projections", "nats.conf", ".venv"})


def test_the_installed_program_explains_itself(installed: Path, tmp_path: Path) -> None:
    assert "demo" in run(installed, "--help", cwd=tmp_path).stdout


def test_the_installed_code_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import callboard, callboard.server as s; print(callboard.__file__, s.CONFIG, s.find_binary(), sep='\\n')"
    lines = run(installed.with_name("python"), "-c", code, cwd=tmp_path).stdout.splitlines()
    assert [Path(line).is_relative_to(installed.parents[1]) for line in lines] == [True, True, True]
    assert [Path(line).is_file() for line in lines] == [True, True, True]


def test_the_installed_demo_runs_the_whole_path(installed: Path, tmp_path: Path) -> None:
    assert run(installed, "demo", cwd=tmp_path, timeout=DEMO_SECONDS).stdout
