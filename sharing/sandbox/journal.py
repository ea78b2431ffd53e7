"""What happened: every call, every invocation and every delivery, in order."""

import threading
from collections.abc import Iterator, Sequence
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


#: Calls kept; the older half is forgotten when there are more.
KEPT = 100_000


@dataclass
class Journal(Sequence[Call]):
    """The calls as a list, oldest first; `invocations` and `deliveries` beside them."""

    calls: list[Call] = field(default_factory=list)
    invocations: list[Invocation] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def record(self, entry: Call | Invocation | Delivery) -> None:
        with self._lock:
            if isinstance(entry, Call):
                self.calls.append(entry)
                if len(self.calls) > KEPT:
                    del self.calls[: KEPT // 2]
            elif isinstance(entry, Invocation):
                self.invocations.append(entry)
            else:
                self.deliveries.append(entry)

    def clear(self) -> None:
        with self._lock:
            self.calls.clear()
            self.invocations.clear()
            self.deliveries.clear()

    def of(self, operation: str, *, service: str = "") -> list[Call]:
        """The calls of one operation, e.g. `of("GetPolicy")`."""
        with self._lock:
            return [c for c in self.calls if c.operation == operation and service in ("", c.service)]

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
