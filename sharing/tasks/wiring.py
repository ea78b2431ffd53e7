"""What a worker does about wirings."""

from celery import shared_task

from sharing.models import Wiring, WiringStep
from sharing.services import wiring

from .mapping import reconcile_mapping
from .queueing import soon
from .seats import seated
from .sharing import reconcile_grant

#: Later than this the sweep finds the row by itself.
_SWEPT = 30.0


@shared_task(name="sharing.reconcile_wiring", ignore_result=True, acks_late=True)
@seated(WiringStep, "account")
def reconcile_wiring(pk: str) -> None:
    """Make AWS agree with one step of a wiring; come back while it is unsettled, and take up what waited for it."""
    outcome = wiring.reconcile(pk)
    if outcome is None:
        return
    if outcome.grant is not None:
        soon(reconcile_grant, outcome.grant.pk)
    if outcome.change is not None:
        soon(reconcile_mapping, outcome.change.pk)
    if outcome.again_in is not None and outcome.again_in <= _SWEPT:
        soon(reconcile_wiring, pk, after=outcome.again_in)
    for ready in outcome.ready:
        soon(reconcile_wiring, ready)


@shared_task(name="sharing.look_at_wiring", ignore_result=True, acks_late=True)
@seated(Wiring, "source_account")
def look_at_wiring(pk: str) -> None:
    """Read again what is to be seen of a wiring, and take up what waited for it."""
    for ready in wiring.look(pk):
        soon(reconcile_wiring, ready)


@shared_task(name="sharing.send_wiring_test", ignore_result=True, acks_late=True)
@seated(Wiring, "source_account")
def send_wiring_test(pk: str) -> None:
    """Send the one test event, or look whether the function ran since."""
    tried = wiring.send_test(pk)
    if tried is not None and tried.again_in is not None:
        soon(send_wiring_test, pk, queue="checks", after=tried.again_in)
