"""What a worker does about layers: read them, and make AWS agree with their grants."""

from celery import shared_task

from sharing.services import layers

from .queueing import soon
from .reading import clicks_wait
from .sharing import _SWEPT


@shared_task(name="sharing.read_layers", ignore_result=True, acks_late=True)
def read_layers(pk: str) -> None:
    """One slice of a read of layers; it is queued again behind whatever waits, until it is over."""
    if layers.run(pk, make_way=clicks_wait):
        soon(read_layers, pk, queue="sync")


@shared_task(name="sharing.reconcile_layer_grant", ignore_result=True, acks_late=True)
def reconcile_layer_grant(pk: str) -> None:
    """Make AWS agree with the grant of a layer version; come back while it is unsettled."""
    outcome = layers.reconcile(pk)
    if outcome is not None and outcome.again_in is not None and outcome.again_in <= _SWEPT:
        soon(reconcile_layer_grant, pk, after=outcome.again_in)
