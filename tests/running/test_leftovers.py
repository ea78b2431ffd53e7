"""Finding the processes of a run, and no others."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sharing.running import leftovers
from tests.live import wait_for

pytestmark = pytest.mark.processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def run_id() -> str:
    return secrets.token_hex(16)


@pytest.fixture
def processes(run_id: str) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """One known by its environment, one by its socket folder, one of another run, one of no run."""
    started = {
        "marked": subprocess.Popen(SLEEP, env={**os.environ, leftovers.RUN_ID: run_id}),
        "retitled": subprocess.Popen([*SLEEP, f"unixsocket:{leftovers.sockets(run_id)}/valkey"]),
        "of another run": subprocess.Popen(SLEEP, env={**os.environ, leftovers.RUN_ID: run_id[::-1]}),
        "of no run": subprocess.Popen(SLEEP),
    }
    yield started
    for process in started.values():
        process.kill()
        process.wait()


@pytest.mark.parametrize("way", ["_from_proc", "_from_ps"])
def test_each_way_finds_exactly_the_processes_of_the_run(
    way: str, run_id: str, processes: dict[str, "subprocess.Popen[bytes]"]
) -> None:
    ours = {processes["marked"].pid, processes["retitled"].pid}
    marker, folder = f"{leftovers.RUN_ID}={run_id}", f"{leftovers.sockets(run_id)}/"
    find = getattr(leftovers, way)
    wait_for(lambda: set(find(marker, folder)) >= ours, "the start of both")
    assert set(find(marker, folder)) == ours


def test_ending_a_run_ends_its_processes_only(run_id: str, processes: dict[str, "subprocess.Popen[bytes]"]) -> None:
    wait_for(lambda: len(leftovers.processes(run_id)) == 2, "the start of both")
    leftovers.end(run_id, grace=2.0)
    assert processes["marked"].wait(5) is not None
    assert processes["retitled"].wait(5) is not None
    assert processes["of another run"].poll() is None
    assert processes["of no run"].poll() is None


def test_an_id_that_is_cut_short_matches_nothing(processes: dict[str, "subprocess.Popen[bytes]"]) -> None:
    """A file that was half written must not make every process look like ours."""
    assert leftovers.processes("") == []
    assert leftovers.processes("0") == []
    assert all(process.poll() is None for process in processes.values())
