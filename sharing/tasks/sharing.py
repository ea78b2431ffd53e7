"""What a worker does about grants, of functions and of layers, and checks."""

from celery import shared_task

from sharing.models import Check, Grant, LayerGrant
from sharing.services import checking, granting, inviting, layers

from .queueing import soon
from .seats import seated

#: Later than this the sweep finds the row by itself.
_SWEPT = 30.0


@shared_task(name="sharing.reconcile_grant", ignore_result=True, acks_late=True)
@seated(Grant, "policy__function__account_id")
def reconcile_grant(pk: str) -> None:
    """Make AWS agree with the grant; come back while it is unsettled; queue the check that became due."""
    outcome = granting.reconcile(pk)
    if outcome is None:
        return
    if outcome.again_in is not None and outcome.again_in <= _SWEPT:
        soon(reconcile_grant, pk, after=outcome.again_in)
    if outcome.check is not None:
        soon(run_check, outcome.check.pk, queue="checks")


@shared_task(name="sharing.make_grants", ignore_result=True, acks_late=True)
def make_grants(pk: str) -> None:
    """What an accepted and confirmed invitation offers becomes grants; each is then told to AWS."""
    for grant in inviting.make_grants(pk):
        soon(reconcile_grant, grant.pk)


@shared_task(name="sharing.run_check", ignore_result=True, acks_late=True)
@seated(Check, "policy__function__account_id")
def run_check(pk: str) -> None:
    """Try as the principal the check is about; come back while the answer may still change."""
    outcome = checking.run(pk)
    if outcome is not None and outcome.again_in is not None and outcome.again_in <= _SWEPT:
        soon(run_check, pk, queue="checks", after=outcome.again_in)


@shared_task(name="sharing.reconcile_layer_grant", ignore_result=True, acks_late=True)
@seated(LayerGrant, "layer__account_id")
def reconcile_layer_grant(pk: str) -> None:
    """Make AWS agree with the grant of a layer version; come back while it is unsettled."""
    outcome = layers.reconcile(pk)
    if outcome is not None and outcome.again_in is not None and outcome.again_in <= _SWEPT:
        soon(reconcile_layer_grant, pk, after=outcome.again_in)
