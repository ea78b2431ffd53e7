"""`make audit`: known vulnerabilities of the pinned packages, as PyPI knows them today.

No part of `make test`: it needs the network, and what it says changes without a change of ours. pip-audit brings packages of
its own along, so it lives in a virtual environment beside the product's.
"""

import subprocess
import sys
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PLACE = CHECKOUT / "var" / "audit"
TOOL = "pip-audit==2.10.1"


def main(arguments: list[str]) -> int:
    """pip-audit's exit status: 0 when nothing is known, 1 when something is. Arguments are files other than constraints.txt."""
    python = PLACE / "bin" / "python"
    if not python.exists():
        venv.create(PLACE, with_pip=True)
    installed = subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", TOOL], check=False)
    if installed.returncode:
        sys.stderr.write("pip-audit could not be installed: is there a network?\n")
        return 2
    pinned = [word for name in arguments or ["constraints.txt"] for word in ("--requirement", str(CHECKOUT / name))]
    # Everything is pinned: nothing is resolved or installed. Strict: a package that PyPI did not answer for is a failure.
    return subprocess.run(
        [python, "-m", "pip_audit", "--strict", "--no-deps", "--disable-pip", *pinned], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
