"""Trouble on demand: errors, dropped connections and calls that hang, before or after AWS acted."""

import threading
from dataclasses import dataclass
from typing import Literal

When = Literal["before", "after"]
Effect = Literal["error", "drop", "hold", "cut"]

#: A held call gives up waiting after this many seconds and goes on, so that no test can hang the sandbox.
HOLD_LIMIT = 60.0


@dataclass
class Fault:
    """One planned fault. waiting: calls held right now. left: how often it still fires. skip: calls it lets pass first."""

    operation: str
    when: When
    effect: Effect
    code: str
    status: int
    message: str
    left: int
    account: str
    target: str
    skip: int = 0
    waiting: int = 0
    fired: int = 0

    def fits(self, operation: str, when: When, account: str, target: str) -> bool:
        return (
            self.left > 0
            and self.operation in ("*", operation)
            and self.when == when
            and self.account in ("", account)
            and self.target in target
        )


class Faults:
    """The plan. `add` returns the fault, whose `waiting` and `fired` can be watched."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._changed = threading.Condition()
        self._released = 0

    def add(
        self,
        operation: str,
        when: When = "before",
        effect: Effect = "error",
        code: str = "TooManyRequestsException",
        status: int = 429,
        message: str = "",
        times: int = 1,
        *,
        account: str = "",
        target: str = "",
        skip: int = 0,
    ) -> Fault:
        """Plan a fault for the next `times` calls of `operation` ("*": any).

        when: before or after AWS acted. effect: `error` answers code, status and message; `drop` closes the connection
        without a reply; `cut` leaves out the end of the answer, which then is no JSON or XML any more (only after);
        `hold` blocks the call until `release()` (at most HOLD_LIMIT seconds). A call held *before* whose client goes
        away meanwhile never reaches AWS. account: only calls acting on that account.
        target: only calls whose target ARN (with qualifier) contains this text. skip: so many fitting calls pass first.
        """
        if when not in ("before", "after"):
            raise ValueError(f"when must be 'before' or 'after', not {when!r}.")
        if effect not in ("error", "drop", "hold", "cut"):
            raise ValueError(f"effect must be 'error', 'drop', 'hold' or 'cut', not {effect!r}.")
        if effect == "cut" and when == "before":
            raise ValueError("Only an answer can be cut: after, not before.")
        fault = Fault(operation, when, effect, code, status, message or f"Planned fault: {code}", times, account, target, skip)
        with self._changed:
            self._faults.append(fault)
        return fault

    def take(self, operation: str, when: When, account: str, target: str) -> Fault | None:
        """The fault that strikes this call, used up by one."""
        with self._changed:
            for fault in self._faults:
                if fault.fits(operation, when, account, target):
                    if fault.skip:
                        fault.skip -= 1
                        continue
                    fault.left -= 1
                    fault.fired += 1
                    return fault
        return None

    def hold(self, fault: Fault, limit: float = HOLD_LIMIT) -> bool:
        """Block the calling thread until release. False when the limit ran out first."""
        with self._changed:
            generation = self._released
            fault.waiting += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self._released > generation, limit)
            finally:
                fault.waiting -= 1
                self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Calls held right now, over all faults."""
        with self._changed:
            return sum(fault.waiting for fault in self._faults)

    def wait_until_held(self, timeout: float = 10.0) -> bool:
        """Block until some call is held; False when none was within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: any(f.waiting for f in self._faults), timeout)

    def release(self) -> int:
        """Let every held call go on. Returns how many were held."""
        with self._changed:
            held = sum(fault.waiting for fault in self._faults)
            self._released += 1
            self._changed.notify_all()
            return held

    def clear(self) -> None:
        """Forget every planned fault and release what is held."""
        self.release()
        with self._changed:
            self._faults.clear()

    def list(self) -> list[Fault]:
        with self._changed:
            return list(self._faults)
