"""What happened: every call, every invocation and every delivery, in order."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, overload


@dataclass(frozen=True)
class Call:
    """One API call as the local AWS saw it.

    at: UTC. caller_account, caller_arn: who signed (empty when the signature was refused). account, region: where the
    call acted. target: the ARN it was about, without qualifier. parameters_summary: request parameters without
    secrets (no payloads, tokens or environments). status, error_code, request_id: what was answered; status 0 means
    that the connection was closed without an answer.
    """

    at: datetime
    caller_account: str
    caller_arn: str
    account: str
    region: str
    service: str
    operation: str
    target: str
    qualifier: str | None
    parameters_summary: dict[str, str]
    status: int
    error_code: str
    request_id: str


@dataclass(frozen=True)
class Invocation:
    """One function run (or would-be run: DryRun never appears here). invocation_type: RequestResponse or Event.

    request_id: the call's own, which is the run's too. caller_account: whose principal called.
    """

    at: datetime
    function_arn: str
    qualifier: str | None
    invocation_type: str
    caller_arn: str
    request_id: str
    payload_bytes: int
    failed: bool
    caller_account: str = ""


@dataclass(frozen=True)
class Delivery:
    """One event that a source handed to a function, or tried to (S3, SNS, SQS...). source_account: whose source it is."""

    at: datetime
    source_arn: str
    service: str
    function_arn: str
    delivered: bool
    detail: str = ""
    source_account: str = ""


#: Entries kept of each kind; the older half is forgotten when there are more.
KEPT = 100_000

#: Whose source, to which function: what deliveries are counted by.
Way = tuple[str, str]


@dataclass
class Journal(Sequence[Call]):
    """The calls as a list, oldest first; `invocations` and `deliveries` beside them.

    delivered, lost: how many deliveries there were of each way, forgotten ones too. on_run: told of each invocation.
    """

    calls: list[Call] = field(default_factory=list)
    invocations: list[Invocation] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    delivered: Counter[Way] = field(default_factory=Counter)
    lost: Counter[Way] = field(default_factory=Counter)
    on_run: Callable[[Invocation], None] | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def record(self, entry: Call | Invocation | Delivery) -> None:
        with self._lock:
            kept: list[Any] = self.calls
            if isinstance(entry, Invocation):
                kept = self.invocations
            elif isinstance(entry, Delivery):
                kept = self.deliveries
                counts = self.delivered if entry.delivered else self.lost
                counts[entry.source_account, entry.function_arn] += 1
            kept.append(entry)
            if len(kept) > KEPT:
                del kept[: KEPT // 2]
        if isinstance(entry, Invocation) and self.on_run is not None:
            self.on_run(entry)

    def clear(self) -> None:
        with self._lock:
            self.calls.clear()
            self.invocations.clear()
            self.deliveries.clear()
            self.delivered.clear()
            self.lost.clear()

    def of(self, operation: str, *, service: str = "") -> list[Call]:
        """The calls of one operation, e.g. `of("GetPolicy")`."""
        with self._lock:
            return [c for c in self.calls if c.operation == operation and service in ("", c.service)]

    def newest(self, most: int) -> tuple[list[Delivery], dict[Way, tuple[int, int]]]:
        """(the newest deliveries first, (delivered, lost) by way)."""
        with self._lock:
            ways = {way: (self.delivered[way], self.lost[way]) for way in {*self.delivered, *self.lost}}
            return self.deliveries[: -most - 1 : -1], ways

    def as_document(self) -> dict[str, list[dict[str, Any]]]:
        with self._lock:
            groups: dict[str, list[Any]] = {
                "calls": list(self.calls),
                "invocations": list(self.invocations),
                "deliveries": list(self.deliveries),
            }
        return {name: [{**asdict(entry), "at": entry.at.isoformat()} for entry in entries] for name, entries in groups.items()}

    def __len__(self) -> int:
        return len(self.calls)

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> list[Call]: ...
    def __getitem__(self, index: int | slice) -> Call | list[Call]:
        with self._lock:
            return self.calls[index]

    def __iter__(self) -> Iterator[Call]:
        with self._lock:
            return iter(list(self.calls))


def now() -> datetime:
    return datetime.now(UTC)
