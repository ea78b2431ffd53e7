"""What a worker does about what is kept by the rules of a version before."""

from celery import shared_task

from sharing.services.renewing import working

from .queueing import soon


@shared_task(name="sharing.renew_kept", ignore_result=True, acks_late=True)
def renew_kept(pk: str) -> None:
    """Make it anew, a slice at a time; queued again behind whatever waits."""
    if working.renew():
        soon(renew_kept, pk, queue="sync")
