"""Ending what an earlier or present run left behind, and nothing else.

Every process of a run carries RUN_ID in its environment, or, where a server overwrites that memory for its title as
Valkey does, the run's own socket folder on its command line. Both hold a random id that only this run has, so a recycled
process id can never hit a stranger.
"""

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

RUN_ID = "FNSHARE_RUN_ID"


def sockets(run_id: str) -> Path:
    """The run's folder for sockets: their paths may have about 100 characters, and a checkout may be deep."""
    return Path(tempfile.gettempdir()) / f"fnshare-{run_id[:12]}"


def processes(run_id: str) -> list[int]:
    """Process ids of this run, this process and its caller excepted."""
    if len(run_id) < 32:
        return []  # not one of ours: too short to be unmistakable
    marker, folder = f"{RUN_ID}={run_id}", f"{sockets(run_id)}/"
    found = _from_proc(marker, folder) if Path("/proc/self/environ").exists() else _from_ps(marker, folder)
    return [pid for pid in found if pid not in (os.getpid(), os.getppid())]


def _from_proc(marker: str, folder: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                ours = marker.encode() in (entry / "environ").read_bytes().split(b"\0")
                if ours or folder.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue  # gone meanwhile, or another user's
    return found


def _from_ps(marker: str, folder: str) -> list[int]:
    listed = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=False).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if marker in line.split() or folder in line]


def end(run_id: str, *, grace: float = 0.0) -> int:
    """End every process of the run: ask, and after `grace` seconds force. Returns how many there were."""
    found = processes(run_id)
    deadline = time.monotonic() + grace
    if grace:
        _signal(found, signal.SIGTERM)
        while time.monotonic() < deadline and processes(run_id):
            time.sleep(0.1)
    left = processes(run_id)
    for _ in range(50):  # a killed process may just have started another
        if not left:
            break
        _signal(left, signal.SIGKILL)
        time.sleep(0.05)
        left = processes(run_id)
    return len(found)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
