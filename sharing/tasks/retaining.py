"""What a worker does about rows that are kept long enough."""

from celery import shared_task
from django.utils import timezone

from sharing.services.operating import retention

from .queueing import soon


@shared_task(name="sharing.retain", ignore_result=True, acks_late=True)
def retain(pk: str) -> None:
    """One slice of the daily pass; queued again behind whatever waits until it is over."""
    retention.retain()
    if retention.due(timezone.now()):
        soon(retain, pk, queue="sync")
