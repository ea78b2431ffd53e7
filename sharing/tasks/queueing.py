"""Telling a worker about a row."""

import contextvars
import uuid
from typing import Any

import structlog
from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def soon(
    task: "Task[Any, Any]", pk: uuid.UUID | str, *, queue: str = "clicks", after: float = 0, expires: float | None = None
) -> None:
    """Queue the task after the commit. `after`: seconds until a worker should take it.

    `expires`: seconds after which the message is worth nothing, because the sweep sends it again anyway.

    With the broker away the row waits for the sweep: nothing fails, nothing is lost.
    """

    def send() -> None:
        try:
            if expires is None:
                task.apply_async(args=(str(pk),), queue=queue, retry=False, countdown=after)
            else:
                task.apply_async(args=(str(pk),), queue=queue, retry=False, countdown=after, expires=after + expires)
        except (OperationalError, RedisError, OSError) as problem:
            log.warning("not_queued", task=task.name, pk=str(pk), problem=type(problem).__name__)

    # The message carries the log context of whoever asked, whenever the commit comes.
    context = contextvars.copy_context()
    # A lambda: Django 5.2's robust on_commit reads __qualname__ when the callback fails.
    transaction.on_commit(lambda: context.run(send), robust=True)
