"""What a worker does about the accounts of an organisation."""

from celery import shared_task

from sharing.services import joining

from .queueing import soon


@shared_task(name="sharing.join_accounts", ignore_result=True, acks_late=True)
def join_accounts(pk: str) -> None:
    """Try a batch of accounts; queued again behind whatever waits while more are due."""
    if joining.run(pk):
        soon(join_accounts, pk, queue="sync")
