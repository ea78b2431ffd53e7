"""What a worker does about test invokes."""

from celery import shared_task

from sharing.models import Invocation
from sharing.services import invoking

from .queueing import soon
from .seats import seated


# Entering the account may take 45 s, the answer 60 s; the sweep gives up a running one after 160 s.
@shared_task(name="sharing.run_invocation", ignore_result=True, acks_late=True)
@seated(Invocation, "connection__account_id")
def run_invocation(pk: str) -> None:
    """Make the one call, unless it was made, refused or given up already."""
    outcome = invoking.run(pk)
    if outcome is not None and outcome.again_in is not None:
        soon(run_invocation, pk, queue="checks", after=outcome.again_in)
