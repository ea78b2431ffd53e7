"""What a worker does about event source mappings."""

from celery import shared_task

from sharing.models import Mapping, MappingChange
from sharing.services import mapping

from .queueing import soon
from .seats import seated

#: Later than this the sweep finds the row by itself.
_SWEPT = 30.0


@shared_task(name="sharing.reconcile_mapping", ignore_result=True, acks_late=True)
@seated(MappingChange, "function__account_id")
def reconcile_mapping(pk: str) -> None:
    """Make AWS agree with the change of a mapping; come back while it is unsettled."""
    outcome = mapping.reconcile(pk)
    if outcome is not None and outcome.again_in is not None and outcome.again_in <= _SWEPT:
        soon(reconcile_mapping, pk, after=outcome.again_in)


@shared_task(name="sharing.read_mapping", ignore_result=True, acks_late=True)
@seated(Mapping, "function__account_id")
def read_mapping(pk: str) -> None:
    """Read a mapping again that somebody looks at."""
    mapping.read(pk)
