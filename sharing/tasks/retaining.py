"""What a worker does about rows that are kept long enough, and about the history that is kept outside."""

import threading

from celery import shared_task
from django.utils import timezone

from sharing.services.operating import retention
from sharing.services.sealing import shipping

from .queueing import soon

#: A pass may take hours, and every sweep asks for one: one thread of a worker is at it, the others stay free.
_passing = threading.Lock()


@shared_task(name="sharing.retain", ignore_result=True, acks_late=True)
def retain(pk: str) -> None:
    """One slice of the daily pass; queued again behind whatever waits until it is over."""
    if not _passing.acquire(blocking=False):
        return
    try:
        retention.retain()
    finally:
        _passing.release()
    if retention.due(timezone.now()):
        soon(retain, pk, queue="sync")


@shared_task(name="sharing.ship_history", ignore_result=True, acks_late=True)
def ship_history(_pk: str) -> None:
    """Send the head of the chain to where it is due; a failure is on its row, and the sweep asks again."""
    shipping.ship()
