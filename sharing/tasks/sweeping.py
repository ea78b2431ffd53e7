"""The sweep: what is due, and what a dead worker or broker left behind."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from sharing.models import Installation
from sharing.services import (
    bulk,
    checking,
    connecting,
    granting,
    inviting,
    invoking,
    joining,
    layers,
    leasing,
    limits,
    mapping,
    notices,
    offboarding,
    organizations,
    proofs,
    proving,
    requesting,
    sealing,
    syncing,
    tallying,
    waking,
    wiring,
)
from sharing.services.findings import refreshing
from sharing.services.operating import retention
from sharing.services.renewing import working as renewing
from sharing.services.sealing import shipping
from sharing.services.signing import failing

from .bulk import work_bulk
from .findings import refresh_findings
from .invoking import run_invocation
from .joining import join_accounts
from .mailing import send_notice
from .mapping import read_mapping, reconcile_mapping
from .offboarding import offboard
from .organizations import read_organization, read_units
from .proving import look_for_role
from .queueing import soon
from .reading import announce, identify, test_connection
from .renewing import renew_kept
from .requesting import take_up_request
from .retaining import retain, ship_history
from .sharing import make_grants, reconcile_grant, reconcile_layer_grant, run_check
from .wiring import look_at_wiring, reconcile_wiring, send_wiring_test


@shared_task(name="sharing.sweep", ignore_result=True, acks_late=True)
def sweep(_pk: str = "1") -> None:
    """Queue every row that waits for a worker. Safe to run twice."""
    now = timezone.now()
    again = settings.SWEEP_SECONDS  # the next sweep sends again what nobody took
    Installation.objects.update_or_create(pk=1, defaults={"swept_at": now})
    for grant in granting.due(now):
        soon(reconcile_grant, grant.pk)
    for resumed in granting.resume_due(now):
        soon(reconcile_grant, resumed.pk)
    for pk, hands in bulk.due(now):
        for _ in range(hands):
            soon(work_bulk, pk, queue="sync", expires=again)
    bulk.forget(now)
    for grant in granting.ending(now, within=again):
        if grant.ends_at is not None:
            soon(reconcile_grant, grant.pk, after=(grant.ends_at - now).total_seconds())
    for layer_grant in layers.due_grants(now):
        soon(reconcile_layer_grant, layer_grant.pk)
    for change in mapping.due(now):
        soon(reconcile_mapping, change.pk, expires=again)
    for leaving in offboarding.due():
        soon(offboard, leaving.pk, expires=again)
    for looked_at in mapping.reads_due(now):
        soon(read_mapping, looked_at.pk, expires=again)
    for step in wiring.due(now):
        soon(reconcile_wiring, step.pk, expires=again)
    for wired in wiring.looks_due(now):
        soon(look_at_wiring, wired.pk, expires=again)
    for tried in wiring.tests_due(now):
        soon(send_wiring_test, tried.pk, queue="checks", expires=again)
    for check in checking.due(now):
        soon(run_check, check.pk, queue="checks")
    invoking.sweep(now)
    for invocation in invoking.due(now):
        soon(run_invocation, invocation.pk, queue="checks", expires=again)
    inviting.expire(now)
    for invitation in inviting.due():
        soon(make_grants, invitation.pk)
    for wanted in proving.due(now):
        soon(look_for_role, wanted.pk, queue="checks", expires=again)
    for wish in requesting.due(now):
        soon(take_up_request, wish.pk, expires=again)
    leasing.remind(now)
    leasing.alarm(now)
    wiring.remind(now)
    for notice in notices.due(now):
        soon(send_notice, notice.pk, queue="mail", expires=again)
    if connecting.identity_due(now):
        soon(identify, "1", expires=again)
    for connection in proofs.want_due(now):
        soon(test_connection, connection.pk, expires=again)
    for connection in connecting.due(now):
        soon(test_connection, connection.pk, expires=again)
    announce(syncing.due(now), now)
    announce(layers.due(now), now)
    for organization in organizations.due(now):
        soon(read_organization, organization, queue="sync", expires=again)
    for organization in organizations.units_due(now):
        soon(read_units, organization, queue="sync", expires=again)
    for joined in joining.due(now):
        soon(join_accounts, joined, queue="sync", expires=again)
    if refreshing.due(now):
        soon(refresh_findings, "1", queue="sync", expires=again)
    if shipping.due(now):
        soon(ship_history, "1", queue="mail", expires=again)
    if renewing.due(now):
        soon(renew_kept, "1", queue="sync", expires=again)
    if retention.due(now):
        soon(retain, "1", queue="sync", expires=again)
    failing.tell_due(now)
    limits.tell(now)
    limits.prune(now)
    sealing.seal(now)
    tallying.count_due()  # last: nobody's click waits for it
    waking.keep_due()
