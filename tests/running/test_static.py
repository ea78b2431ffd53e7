"""Static files are collected once, also when two start in one checkout at the same moment."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sharing.running import static


def test_of_two_that_start_at_once_one_collects_and_the_other_waits(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STATIC_ROOT = tmp_path / "var" / "static"
    begun: list[str] = []

    def slowly(name: str, **_: Any) -> None:
        begun.append(name)
        time.sleep(0.3)
        settings.STATIC_ROOT.mkdir(parents=True)  # fails if another one did it meanwhile

    monkeypatch.setattr(static, "call_command", slowly)
    problems: list[BaseException] = []

    def start() -> None:
        try:
            static.collect()
        except BaseException as problem:
            problems.append(problem)
            raise

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert begun == ["collectstatic"]
    static.collect()
    assert begun == ["collectstatic"]
