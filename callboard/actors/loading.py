"""Loading an app: importing the file or module that a user names, and collecting the agents in it."""

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec

from callboard.actors.agents import Agent
from callboard.actors.message import message_of
from callboard.events.errors import CallboardError, shorten

_PACKAGE: Final = f"{Path(__file__).parents[1]}{os.sep}"


class AppError(CallboardError):
    """An app cannot be loaded; the message names it, the cause, and the line in it."""

    def __init__(self, message: str, field: str | None = None) -> None:
        """``field`` is ``app`` when that is no file and no module to begin with."""
        super().__init__(message)
        self.field = field


def load(app: str) -> list[Agent]:
    """Return the agents of ``app``, ``path/to/file.py`` or ``package.module``, in the order of their definition.

    The file's directory (for a module: the current one) is put at the head of ``sys.path``, so that an app can import
    its neighbours. Agents that the app imports from elsewhere count as its own.

    Raises:
        AppError: no such file or module, its import raises, it has no agents, two of one name or two fallbacks.
    """
    module = _from_file(Path(app)) if _is_path(app) else _from_name(app)
    agents = list(dict.fromkeys(value for value in vars(module).values() if isinstance(value, Agent)))
    if not agents:
        raise AppError(f'found no agents in {app}: decorate a function in it with @specialist("name")')
    _refuse_twins(app, agents)
    for agent in agents:
        # Whichever module wrote it: here it is sure to stand at the top level.
        msgspec.structs.force_setattr(agent, "origin", str(Path(app).resolve()) if _is_path(app) else app)
    return agents


def _is_path(app: str) -> bool:
    return app.endswith(".py") or os.sep in app or app.startswith(".")


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        problem = "a directory" if path.is_dir() else "no such file"
        takes = "a Python file or a module, such as my_agents.py or shop.agents"
        raise AppError(f"expected app to be {takes}, got {shorten(str(path))}: {problem}", field="app")
    name = f"callboard_app_{path.stem}"  # a prefix, so that json.py does not become the module json
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise AppError(f"expected app to be a Python file ending in .py, got {shorten(str(path))}")
    module = importlib.util.module_from_spec(spec)
    _prefer(path.resolve().parent)
    sys.modules[name] = module  # before it runs: annotations and dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _failed(str(path), error) from error
    return module


def _from_name(name: str) -> ModuleType:
    _prefer(Path.cwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            fix = "check the name, the current directory, or give the path of its file"
            raise AppError(f"cannot find the module {shorten(name)}: {fix}") from error
        raise _failed(name, error) from error
    except (Exception, SystemExit) as error:
        raise _failed(name, error) from error


def _prefer(directory: Path) -> None:
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))


def _failed(app: str, error: BaseException) -> AppError:
    return AppError(f"cannot import app {app}: {type(error).__name__}: {message_of(error)}{_place(error)}")


def _place(error: BaseException) -> str:
    """Return where in the user's files an import failed; a SyntaxError says so itself."""
    if isinstance(error, SyntaxError):
        return ""
    ours = ("<frozen", _PACKAGE, importlib.__file__)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def _refuse_twins(app: str, agents: Iterable[Agent]) -> None:
    seen: set[str] = set()
    for agent in agents:
        if agent.name in seen:
            raise AppError(f"expected each agent of {app} to have a name of its own, got {agent.name!r} twice")
        seen.add(agent.name)
    fallbacks = [agent.name for agent in agents if agent.fallback]
    if len(fallbacks) > 1:
        raise AppError(f"expected at most one fallback agent in {app}, got {', '.join(fallbacks)}")
