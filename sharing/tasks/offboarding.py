"""What a worker does about offboardings."""

from celery import shared_task

from sharing.services import offboarding

from .mapping import reconcile_mapping
from .queueing import soon
from .sharing import reconcile_grant, reconcile_layer_grant


@shared_task(name="sharing.offboard", ignore_result=True, acks_late=True)
def offboard(pk: str) -> None:
    """Ask for the next things to be taken away, or given back; each is then told to AWS."""
    told = offboarding.run(pk)
    for grant in told.grants:
        soon(reconcile_grant, grant)
    for layer_grant in told.layer_grants:
        soon(reconcile_layer_grant, layer_grant)
    for change in told.changes:
        soon(reconcile_mapping, change)
    if told.more:
        soon(offboard, pk)
