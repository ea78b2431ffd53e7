"""Every call to AWS is noted once, where botocore hears the answer: counted, and a line in the log if it may be asked for.

A line says operation, account, region, status, AWS's request id and the time it took, never what was sent or answered. It
carries whatever the log's context holds: the request id of the click that led to it (structlog's contextvars). Calls of
background work that went well are only counted: a sync of 10,000 functions would be 10,000 lines.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

log = structlog.get_logger(__name__)

#: Of work that began with a person's click, the context has this (django-structlog).
_OF_A_CLICK = "request_id"


@dataclass
class Noted:
    """Calls since they were last taken. throttled, failed: parts of calls."""

    calls: int = 0
    throttled: int = 0
    failed: int = 0


_lock = threading.Lock()
_counts: defaultdict[tuple[str, str], Noted] = defaultdict(Noted)
_began = threading.local()


def listen(client: Any, *, account: Callable[[], str], region: str) -> Any:
    """Note every call of this client from now on; the client. account: whose, asked at each call: 12 digits, "" for the
    worker's own STS."""

    def begun(**_: Any) -> None:
        _began.at = time.monotonic()

    def heard(event_name: str = "", response_dict: Any = None, exception: Any = None, **_: Any) -> None:
        try:
            _note(account(), region, event_name.rpartition(".")[2], response_dict, exception)
        except Exception:  # a fault here must never look like one of AWS
            log.exception("aws_call_not_noted")

    client.meta.events.register("before-send", begun)
    client.meta.events.register("response-received", heard)
    return client


def take() -> dict[tuple[str, str], Noted]:
    """What was counted since the last time, by (account, region); forgotten here."""
    with _lock:
        taken = dict(_counts)
        _counts.clear()
    return taken


def give_back(taken: dict[tuple[str, str], Noted]) -> None:
    """What could not be told counts for the next time."""
    with _lock:
        for place, noted in taken.items():
            _add(_counts[place], noted)


def _note(account: str, region: str, operation: str, answer: Any, exception: Any) -> None:
    status = int((answer or {}).get("status_code") or 0)
    failed = status == 0 or status >= 500
    with _lock:
        _add(_counts[account, region], Noted(1, int(status == 429), int(failed)))
    context = structlog.contextvars.get_contextvars()
    went_well = 0 < status < 400 or status == 404  # most functions have no policy, and AWS says so by 404
    if went_well and _OF_A_CLICK not in context:
        return
    began = getattr(_began, "at", None)
    log.info(
        "aws_call",
        operation=operation,
        account=account,
        region=region,
        status=status or type(exception).__name__,
        aws_request_id=_request_id(answer),
        milliseconds=None if began is None else round((time.monotonic() - began) * 1000),
    )


def _request_id(answer: Any) -> str:
    """AWS's, from the headers: they are there whatever the body is."""
    headers = (answer or {}).get("headers") or {}
    found = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id") or headers.get("x-amzn-request-id") or ""
    return str(found)[:100]


def _add(to: Noted, more: Noted) -> None:
    to.calls += more.calls
    to.throttled += more.throttled
    to.failed += more.failed
