"""What a worker does about findings."""

from celery import shared_task

from sharing.services.findings import refreshing

from .queueing import soon


@shared_task(name="sharing.refresh_findings", ignore_result=True, acks_late=True)
def refresh_findings(pk: str) -> None:
    """Bring the findings up to date, a slice at a time; queued again behind whatever waits."""
    if refreshing.refresh():
        soon(refresh_findings, pk, queue="sync")
