"""One fault at exactly one call to AWS, in process: the sandbox answers over HTTP, and time passes without waiting."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Literal

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from celery import Task
from django.db import OperationalError, connection
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway

from sharing.sandbox.faults import Fault, When

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

Kind = Literal["error", "drop", "slow", "kill", "edit", "cut", "broker"]
#: What another tool does when it comes in between: given the target of the call.
Edit = Callable[[str], None]


class Killed(BaseException):
    """Raised where a worker process would die: nothing in the product catches it."""


@dataclass(frozen=True)
class Trouble:
    """What goes wrong at a call, before or after AWS acted. Errors last until the message is done; the rest happens once.

    kill: the worker dies. edit: another tool changes what the call is about. cut: the database connection is gone until the
    message is done. broker: Valkey stops, loses every message, and is back, empty, once the message is done.
    """

    when: When
    kind: Kind
    code: str = ""
    status: int = 0
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    def fits(self, operation: str) -> bool:
        """Whether it can be helped at that operation."""
        return operation not in self.never and (not self.only or operation in self.only)


#: Writes that carry the revision of the policy they were planned for.
REVISED = ("AddPermission", "RemovePermission")
#: Writes that replace a whole document, and take no revision: what came in since the read is lost, and nobody can see it.
UNGUARDED = ("PutBucketNotification", "PutBucketNotificationConfiguration", "SetTopicAttributes", "SetQueueAttributes")
TROUBLES: dict[str, Trouble] = {
    "throttled": Trouble("before", "error", "TooManyRequestsException", 429),
    "500 before": Trouble("before", "error", "ServiceException", 500),
    "500 after": Trouble("after", "error", "ServiceException", 500),
    "slow before": Trouble("before", "slow"),
    "slow after": Trouble("after", "slow"),
    "dropped before": Trouble("before", "drop"),
    "dropped after": Trouble("after", "drop"),
    "denied": Trouble("before", "error", "AccessDeniedException", 403),
    "stale": Trouble("before", "error", "PreconditionFailedException", 412, only=REVISED),
    "edit before": Trouble("before", "edit", never=UNGUARDED),
    "edit after": Trouble("after", "edit"),
    "killed before": Trouble("before", "kill"),
    "killed after": Trouble("after", "kill"),
    "database cut": Trouble("after", "cut"),
    "broker gone": Trouble("before", "broker"),
}


@dataclass(frozen=True)
class Call:
    """One call to AWS: what it does, and the ARN it names."""

    operation: str
    target: str

    def __str__(self) -> str:
        return f"{self.operation} {self.target.rpartition(':')[2]}"


class Clock:
    """Time that tests move: nobody waits, `sleep` passes it."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._monotonic = time.monotonic

    def move(self, seconds: float) -> None:
        """So much later."""
        self.ahead += max(0.0, seconds)

    def monotonic(self) -> float:
        return self._monotonic() + self.ahead

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """For everything in this process that asks for the time of a lease, a pause or an end date."""
        clock = self

        class Moved(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + timedelta(seconds=clock.ahead)

        patch.setattr(timezone, "datetime", Moved)
        patch.setattr(time, "monotonic", self.monotonic)
        patch.setattr(time, "sleep", self.move)


class Bench:
    """The sandbox with at most one trouble in it, and a worker's queue that runs in this very thread.

    calls: what was called since `plan`. struck: whether the trouble came.
    """

    def __init__(self, sandbox: "Sandbox", clock: Clock, edit: Edit) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.calls: list[Call] = []
        self.struck = False
        self.deaths = 0
        self._edit = edit
        self._trouble: Trouble | None = None
        self._at = -1
        self._about: Call | None = None
        self._says: BaseException | None = None
        self._cut = self._broker_gone = False
        self._queue: dict[tuple[Task[Any, Any], tuple[str, ...]], float] = {}

    def plan(self, trouble: Trouble | None, at: int = -1) -> None:
        """Forget what was called; the trouble strikes at the call of that number, counted from 0."""
        self.calls, self.struck, self.deaths = [], False, 0
        self._trouble, self._at, self._about, self._says = trouble, at, None, None
        self._cut = self._broker_gone = False
        self._queue.clear()
        random.seed(0)  # what a run shuffles and how it spreads its pauses is the same in every run

    # The sandbox's side

    def take(self, operation: str, when: When, account: str, target: str) -> Fault | None:
        """In place of the sandbox's own plan: note the call, and strike if it is the one."""
        if when == "before":
            self.calls.append(Call(operation, target))
        trouble = self._trouble
        if trouble is None or trouble.when != when or not self._strikes(trouble, Call(operation, target)):
            return None
        self.struck = True
        if trouble.kind == "error":
            says = f"Planned fault: {trouble.code}"
            code = "AccessDenied" if (trouble.status, operation) == (403, "AssumeRole") else trouble.code
            return Fault(operation, when, "error", code, trouble.status, says, 1, account, target)
        if trouble.kind == "edit":
            self._edit(target)
        elif trouble.kind == "cut":
            self._cut = True
        elif trouble.kind == "broker":
            self._queue.clear()
            self._broker_gone = True
        else:
            of = {"endpoint_url": self.sandbox.url}
            self._says = {
                "drop": ConnectionClosedError(**of),
                "slow": ReadTimeoutError(**of, error=""),
                "kill": Killed(),
            }[trouble.kind]
            return Fault(operation, when, "drop", "", 0, "", 1, account, target)
        return None

    def _strikes(self, trouble: Trouble, call: Call) -> bool:
        if self._about is not None:
            return trouble.kind in ("error", "drop", "slow") and call == self._about
        if len(self.calls) - 1 != self._at or self.struck:
            return False
        self._about = call
        return True

    def said(self) -> BaseException | None:
        """What the caller gets instead of an answer, once."""
        says, self._says = self._says, None
        return says

    # The worker's side

    def queued(self, task: "Task[Any, Any]", args: tuple[str, ...] = (), *, countdown: float = 0, **_: Any) -> None:
        """In place of the broker: a message, for later if it says so."""
        if self._broker_gone:
            raise BrokerAway("The broker is away.")
        due = self.clock.monotonic() + countdown
        self._queue[task, args] = min(due, self._queue.get((task, args), due))

    def refuse(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """In place of a query while the connection is cut: only what is undone anyway gets through."""
        if self._cut and not sql.startswith(("ROLLBACK", "RELEASE")):
            raise OperationalError("server closed the connection unexpectedly")
        return execute(sql, params, many, context)

    def deliver(self, *tasks: "Task[Any, Any]", most: int = 200) -> None:
        """A worker takes message after message, of these tasks, each in its time, until the queue is empty; it may die and be
        replaced."""
        self.commit()
        for _ in range(most):
            if not self._queue:
                return
            task, args = message = min(self._queue, key=self._queue.__getitem__)
            self.clock.move(self._queue.pop(message) - self.clock.monotonic())
            if task in tasks:
                self.run(task, *args)
        raise AssertionError(f"Messages without end: {[task.name for task, _ in self._queue]}")

    def run(self, task: "Task[Any, Any]", *args: str) -> None:
        """One message, by the worker's own entry."""
        before = len(connection.savepoint_ids)
        try:
            with connection.execute_wrapper(self.refuse):
                task.run(*args)
        except Killed:
            self.deaths += 1
        except OperationalError:
            if not self._cut:
                raise
            self.deaths += 1
        finally:
            assert len(connection.savepoint_ids) == before
            self._end_of_message()
        self.commit()

    def _end_of_message(self) -> None:
        if self._cut:
            # No query reached the database. The test's transaction around it all, which a worker lacks, is not to blame.
            connection.needs_rollback = False
        self._cut = self._broker_gone = False
        if self.struck:
            self._trouble = None

    def commit(self) -> None:
        """Messages that wait for a commit are sent: the test's own transaction around it never commits."""
        waiting, connection.run_on_commit = connection.run_on_commit, []
        for entry in waiting:
            entry[1]()


@contextmanager
def bench(sandbox: "Sandbox", clock: Clock, edit: Edit) -> Iterator[Bench]:
    """The bench in place of broker, clock and fault plan, until the block ends."""
    made = Bench(sandbox, clock, edit)
    real = URLLib3Session.send

    def send(session: URLLib3Session, request: Any) -> Any:
        try:
            answer = real(session, request)
        except Exception:
            if says := made.said():
                raise says from None
            raise
        if says := made.said():
            raise says
        return answer

    with pytest.MonkeyPatch.context() as patch:
        clock.install(patch)
        patch.setattr(URLLib3Session, "send", send)
        patch.setattr(Task, "apply_async", lambda task, args=(), **more: made.queued(task, tuple(args), **more))
        patch.setattr(sandbox.faults, "take", made.take)
        yield made
