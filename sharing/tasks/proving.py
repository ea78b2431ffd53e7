"""What a worker does for an invited person who shows that an account is theirs."""

from celery import shared_task

from sharing.models import Proving
from sharing.services import proving

from .queueing import soon
from .seats import seated


@shared_task(name="sharing.look_for_role", ignore_result=True, acks_late=True)
@seated(Proving, "person_id")
def look_for_role(pk: str) -> None:
    """Look whether their role is there, and come back until it is or the time is over."""
    outcome = proving.look(pk)
    if outcome is not None and outcome.again_in is not None:
        soon(look_for_role, pk, queue="checks", after=outcome.again_in)
