"""The sweep: what is due, and what a dead worker or broker left behind."""

from celery import shared_task
from django.utils import timezone

from sharing.models import Installation
from sharing.services import checking, granting

from .queueing import soon
from .sharing import reconcile_grant, run_check


@shared_task(name="sharing.sweep", ignore_result=True, acks_late=True)
def sweep() -> None:
    """Queue every row that waits for a worker. Safe to run twice."""
    now = timezone.now()
    Installation.objects.update_or_create(pk=1, defaults={"swept_at": now})
    for grant in granting.due(now):
        soon(reconcile_grant, grant.pk)
    for check in checking.due(now):
        soon(run_check, check.pk, queue="checks")
