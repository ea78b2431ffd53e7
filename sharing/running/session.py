"""One run on this machine: its lock, its folder, its signals, and its end, whatever the end may be."""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from sharing.running import leftovers
from sharing.running.supervising import Supervisor

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(Exception):
    """The run is over: asked for (no problem, status 0), or because of `problem`, a line for the person."""

    def __init__(self, problem: str = "", status: int = 1) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = status if problem else 0


def write_private(path: Path, text: str) -> None:
    """Write the file at once and for this user only: nobody ever reads half of it, or what is not theirs."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


class Session:
    """A run in `folder`/`title`, described by `folder`/`title`.json while it lasts.

    As a context manager: takes the lock, ends what a killed run left behind, makes the folder anew; on the way out ends
    every process, by force where asking did not help, and removes the description.
    """

    title = "run"
    #: Seconds that programs get to end by themselves.
    patience = 12.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / self.title
        self.described = folder / f"{self.title}.json"
        self.run_id = secrets.token_hex(16)
        self.sockets = leftovers.sockets(self.run_id)
        self.supervisor: Supervisor | None = None
        self._lock: int | None = None
        self._ending = False
        self._make = _Make()

    def __enter__(self) -> Self:
        os.umask(0o077)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        self._clear_leftovers()
        self.described.unlink(missing_ok=True)
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.sockets.mkdir(mode=0o700)
        (self.folder / f"{self.title}.id").write_text(self.run_id)
        for number in ENDING:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup wants it to stay
                signal.signal(number, self._asked_to_end)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        self._ending = True
        self.described.unlink(missing_ok=True)
        if self.supervisor is not None:
            self.supervisor.stop(patience=self.patience)
        leftovers.end(self.run_id, grace=1.0)
        shutil.rmtree(self.sockets, ignore_errors=True)
        (self.folder / f"{self.title}.id").unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def _take_lock(self) -> None:
        self._lock = os.open(self.folder / f"{self.title}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._lock, 20).decode(errors="replace").strip() or "unknown"
            os.close(self._lock)
            self._lock = None
            raise Ended(f"It already runs in {self.folder} (process {holder}). End that one first.") from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _clear_leftovers(self) -> None:
        """A run that was killed outright may have left processes; its id says which are its own."""
        with contextlib.suppress(FileNotFoundError):
            earlier = (self.folder / f"{self.title}.id").read_text().strip()
            ended = leftovers.end(earlier, grace=3.0)
            if ended:
                print(f"Ended {ended} processes that an earlier run had left behind.", flush=True)
            if earlier:
                shutil.rmtree(leftovers.sockets(earlier), ignore_errors=True)

    def _asked_to_end(self, _number: int, _frame: FrameType | None) -> None:
        if not self._ending:
            self._ending = True
            raise Ended

    def wait(
        self,
        ready: Callable[[], bool],
        what: str,
        *,
        log: str,
        child: "subprocess.Popen[bytes] | None" = None,
        seconds: float = 120,
    ) -> None:
        """Wait until `ready`; end the run with one line when it takes too long or a needed process fails."""
        deadline = time.monotonic() + seconds
        while not ready():
            if child is not None and child.poll() not in (None, 0):
                raise Ended(f"{what.capitalize()} could not be set up: {self._last_line('story')}")
            self.check()
            if time.monotonic() > deadline:
                raise Ended(f"Gave up waiting for {what}: {self._last_line(log)}")
            time.sleep(0.05)

    def check(self) -> None:
        """End when the supervisor died or whoever started us is gone."""
        if self.supervisor is None or not self.supervisor.alive:
            raise Ended(f"The supervisor died, so everything else was ended too. Its log: {self.home / 'supervisord.log'}")
        if self._make.gone():
            raise Ended

    def stay(self) -> None:
        """Until asked to end."""
        while True:
            self.check()
            time.sleep(0.25)

    def _last_line(self, log: str) -> str:
        path = self.home / "logs" / f"{log}.log"
        try:
            lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
        except OSError:
            lines = []
        return f"{lines[-1].strip() if lines else 'it said nothing'} (all of it: {path})"


class _Make:
    """The process that started us. GNU make passes only SIGTERM on to its recipe; for the rest we look ourselves."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._caught = self._catches_interrupts()

    def gone(self) -> bool:
        """Whether it died, or was interrupted and now only waits for us (it then no longer catches SIGINT or SIGHUP)."""
        if os.getppid() != self._parent:
            return True
        return bool(self._caught) and self._catches_interrupts() not in (self._caught, None)

    def _catches_interrupts(self) -> int | None:
        """Which of SIGHUP and SIGINT the parent handles, if it is make and this system tells."""
        try:
            status = Path(f"/proc/{self._parent}/status").read_text()
        except OSError:
            return None
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        if fields["Name"].strip() not in ("make", "gmake"):
            return None
        handled = (1 << (signal.SIGHUP - 1)) | (1 << (signal.SIGINT - 1))
        return int(fields["SigCgt"], 16) & handled


def say(line: str) -> None:
    """A line for the person at the terminal."""
    print(line, file=sys.stderr, flush=True)
