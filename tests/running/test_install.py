"""The virtual environment: what decides that it must be brought up to date, and how `make` chooses a Python."""

import os
import subprocess
from pathlib import Path

import pytest

from sharing.running import install


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in (*install.REQUIREMENTS.values(), "constraints.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "what", "differs"),
    [
        ("requirements.txt", "run", True),
        ("requirements.txt", "demo", True),
        ("requirements.txt", "test", True),
        ("requirements-demo.txt", "run", False),
        ("requirements-demo.txt", "demo", True),
        ("requirements-dev.txt", "demo", False),
        ("requirements-dev.txt", "test", True),
        ("constraints.txt", "run", True),
        ("constraints.txt", "test", True),
    ],
)
def test_only_what_it_reads_makes_a_purpose_install_again(checkout: Path, changed: str, what: str, differs: bool) -> None:
    before = install.fingerprint(what, checkout)
    (checkout / changed).write_text("something else")
    assert (install.fingerprint(what, checkout) != before) is differs


def test_what_is_installed_for_the_tests_serves_the_demo_too(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is installed a second time, and a half-finished installation counts as none."""
    monkeypatch.setattr(install, "VENV", tmp_path)
    assert not install.installed("test")
    for what in install.REQUIREMENTS:
        (tmp_path / f"installed-{what}").write_text(install.fingerprint(what))
    assert install.installed("test")
    assert install.installed("demo")
    (tmp_path / "installed-demo").write_text("")
    assert not install.installed("demo")
    assert install.installed("test")


def test_every_requirement_is_pinned_and_constrained() -> None:
    constrained = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (install.CHECKOUT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    for name in install.REQUIREMENTS.values():
        for line in (install.CHECKOUT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r ")):
                package, _, version = line.partition("==")
                assert version, f"{name}: {line} is not pinned"
                assert package.split("[")[0].lower().replace("_", "-") in constrained, f"{line} is missing from constraints.txt"


def test_no_requirement_names_a_registry() -> None:
    for name in (*install.REQUIREMENTS.values(), "constraints.txt"):
        text = (install.CHECKOUT / name).read_text()
        assert "://" not in text
        assert "--index-url" not in text
        assert "--find-links" not in text


def test_a_python_that_is_too_old_is_said_plainly(tmp_path: Path) -> None:
    """With nothing but an old one on the machine; this one pretends to be it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    done = subprocess.run(
        ["make", "demo"],
        cwd=install.CHECKOUT,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "fnshare needs Python 3.11 to 3.14" in done.stderr
    assert "Traceback" not in done.stderr
