"""The worker's entries for what is kept long enough: one thread is at it, whoever asks meanwhile goes on to other work."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sharing.services.operating import retention
from sharing.tasks import retain, retaining

WAIT = 10.0


def test_a_pass_that_takes_hours_takes_one_thread_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = threading.Semaphore(0), threading.Event()
    told: list[str] = []

    def works() -> None:
        begun.release()
        assert goes_on.wait(WAIT)

    monkeypatch.setattr(retention, "retain", works)
    monkeypatch.setattr(retention, "due", lambda _now: True)
    monkeypatch.setattr(retaining, "soon", lambda task, pk, **_: told.append(task.name))
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(retain, "1")
        assert begun.acquire(timeout=WAIT)
        try:
            for sweep in [pool.submit(retain, "1") for _ in range(3)]:
                sweep.result(WAIT)
            assert not begun.acquire(blocking=False)
            assert told == []
        finally:
            goes_on.set()
        first.result(WAIT)
    assert told == ["sharing.retain"]
    retain("1")
    assert told == ["sharing.retain"] * 2
