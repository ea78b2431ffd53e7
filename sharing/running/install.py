"""The virtual environment: made when missing, its requirements installed only when they changed.

`python -m sharing.running.install WHAT [MODULE [ARGUMENT...]]`: installs what `WHAT` needs, then becomes that module,
run by the virtual environment's Python. Standard library only: it runs before anything is installed.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

CHECKOUT = Path(__file__).resolve().parent.parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
#: What each purpose installs; every file includes the ones before it.
REQUIREMENTS = {"run": "requirements.txt", "demo": "requirements-demo.txt", "test": "requirements-dev.txt"}


def fingerprint(what: str, checkout: Path = CHECKOUT) -> str:
    """A digest of everything that decides what `what` installs: the files it reads and the Python that reads them."""
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for level, name in REQUIREMENTS.items():
        digest.update((checkout / name).read_bytes())
        if level == what:
            break
    digest.update((checkout / "constraints.txt").read_bytes())
    return digest.hexdigest()


def _stamp(what: str) -> Path:
    return VENV / f"installed-{what}"


def installed(what: str) -> bool:
    """Whether the virtual environment works and already has what `what` needs."""
    try:
        if _stamp(what).read_text() != fingerprint(what):
            return False
        return subprocess.run([PYTHON, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def install(what: str) -> None:
    """Make the virtual environment if it is missing or broken, and install the pinned requirements into it."""
    requirements = REQUIREMENTS[what]
    if not _works():
        shutil.rmtree(VENV, ignore_errors=True)
        _say(f"Making the virtual environment with Python {sys.version.split()[0]} ...")
        made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
        if made.returncode or not _works():
            shutil.rmtree(VENV, ignore_errors=True)
            _stop(
                f"{sys.executable} cannot make virtual environments. "
                "On Debian and Ubuntu: apt install python3-venv; elsewhere install Python with pip and venv.",
            )
    _say(f"Installing {requirements} (once, and when it changes) ...")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "-r", requirements, "-c", "constraints.txt"], cwd=CHECKOUT, check=False)
    if done.returncode:
        _stop(f"pip could not install {requirements}; what it says is above. Run the same command again to go on.")
    reached = False
    for level in reversed(REQUIREMENTS):
        reached = reached or level == what
        if reached:
            _stamp(level).write_text(fingerprint(level))


def _works() -> bool:
    try:
        return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _stop(line: str) -> NoReturn:
    raise SystemExit(f"fnshare: {line}")


def _interrupted(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)  # unwinds through subprocess.run, which then ends pip


def main(arguments: list[str]) -> None:
    """Install, then become the module."""
    what, module = arguments[0], arguments[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    if not installed(what):
        install(what)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if module:
        os.chdir(CHECKOUT)
        os.execv(PYTHON, [str(PYTHON), "-m", *module])  # noqa: S606  # no shell: one process from make to the end


if __name__ == "__main__":
    main(sys.argv[1:])
