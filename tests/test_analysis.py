"""What the linters are told to overlook, and what is installed, stays what docs/security.md says."""

import re
import tomllib

import pytest

from tests.everything import CHECKOUT

RUFF = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
#: Rooms that may start programs.
STARTING = {"tests/**", "sharing/running/*", "benchmarks/**"}


def test_no_rule_about_security_is_off_everywhere() -> None:
    assert {"S", "BLE", "B"} <= set(RUFF["select"])
    assert [rule for rule in RUFF["ignore"] if re.match(r"S\d|BLE|B\d", rule)] == []


def test_programs_are_started_where_programs_are_started() -> None:
    off = {room for room, rules in RUFF["per-file-ignores"].items() if any(re.match(r"S\d", rule) for rule in rules)}
    assert off == STARTING


@pytest.mark.parametrize("name", ["constraints.txt", "requirements.txt", "requirements-demo.txt", "requirements-dev.txt"])
def test_every_package_is_pinned(name: str) -> None:
    lines = [line.strip() for line in (CHECKOUT / name).read_text().splitlines()]
    named = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert named
    assert [line for line in named if not re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.]+", line)] == []
