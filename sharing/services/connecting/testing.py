"""The connection test, as a worker runs it: what the role demands, whose it is, what it may do.

Only a wrong account, an ExternalId that is not enforced, or no read at all refuse a connection. A missing permission
switches off its verb and a missing denial warns; both stay on the page.
"""

import json
import uuid
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from sharing.aws import proving
from sharing.aws.errors import Unavailable
from sharing.aws.session import CallerIdentity, RoleRef
from sharing.models import Actor, Connection, ConnectionState, Installation, Purpose
from sharing.services import history, places, proofs

from .entering import identify_worker, role
from .reports import Report, Result, weaknesses
from .testing_checker import examine_checker
from .testing_invoker import examine_invoker
from .testing_manager import examine_manager
from .testing_organization import attach, examine_organization
from .testing_source import examine_source

_S = ConnectionState


def run_test(pk: uuid.UUID | str) -> Connection | None:
    """Test the connection if a test is wanted, and settle its state. None: nothing was to be done.

    Safe to run twice. Raises Unavailable when AWS gives no answer: the test stays wanted, the reason is on the row.
    """
    connection = Connection.objects.select_related("account").get(pk=pk)
    wanted = connection.test_wanted_at
    if wanted is None or connection.state in (_S.AWAITED, _S.DISCONNECTED):
        return None
    try:
        worker_arn = _worker_arn()
        result = _examine(connection, worker_arn)
    except Unavailable as problem:
        said = f"Not tested yet. {problem.sentence}"
        Connection.objects.filter(pk=pk, test_wanted_at=wanted).update(failure=said, failure_next=problem.next)
        raise
    return _settle(connection, result)


def _worker_arn() -> str:
    known = Installation.objects.filter(pk=1).first()
    if known is None or not known.worker_arn:
        known = identify_worker()
    return known.worker_arn


def _examine(connection: Connection, worker_arn: str) -> Result:
    report = Report()
    reference = role(connection)
    result = Result(report)
    if connection.next_external_id:
        reference = _try_next(connection, reference, result)
    proof = proving.prove_trust(reference)
    if proof.accepts_none or proof.accepts_wrong:
        how = "without any ExternalId" if proof.accepts_none else "with a wrong ExternalId"
        failure = f"The role lets fnshare in {how}: others could have fnshare enter this account for them."
        following = f"Let the trust policy ask for it: {_condition(reference.external_id)}. Then test again."
        report.failed("ExternalId is enforced", failure, following)
        result.refused = (failure, following)
        return result
    if not proof.accepts_right:
        refusal = proof.refusal
        said = f" AWS says: {refusal.message}" if refusal and refusal.message else ""
        failure = f"The role does not let fnshare in with its ExternalId.{said}"
        following = (
            f"Check that {reference.role_arn} exists, trusts {_principal(worker_arn)} and asks for exactly the ExternalId "
            f"{reference.external_id}. Then test again."
        )
        report.failed("The role lets fnshare in", failure, following)
        result.refused = (failure, following)
        return result
    report.ok("ExternalId is enforced", "Denied without and with a wrong one, let in with the right one.")
    if proof.identity is None or proof.identity.account != connection.account.number:
        found = proof.identity.account if proof.identity else "an unknown account"
        failure = f"The role is in account {found}, not in {connection.account.number}."
        report.failed("The account is the claimed one", failure, "Give a role of the account itself.")
        result.refused = (failure, "Give a role of the account itself.")
        return result
    report.ok("The account is the claimed one", f"AWS names account {proof.identity.account}.")
    if not connection.external_id_ours:
        for weakness in weaknesses(connection.external_id, connection.account):
            advice = "Let fnshare generate one: disconnect, connect without --external-id, and set it in the trust policy."
            report.warning("ExternalId is hard to guess", weakness, advice)
    if connection.purpose == Purpose.MANAGER:
        examine_manager(connection, reference, worker_arn, result.report, result)
    elif connection.purpose == Purpose.ORGANIZATION:
        examine_organization(connection, reference, result.report, result)
    elif connection.purpose == Purpose.INVOKER:
        examine_invoker(connection, reference, result.report, result)
    elif connection.purpose == Purpose.SOURCE:
        examine_source(connection, reference, result.report, result)
    else:
        examine_checker(connection, reference, result.report, result)
    return result


def _try_next(connection: Connection, reference: RoleRef, result: Result) -> RoleRef:
    """While an ExternalId is being rotated: use the new one as soon as the role accepts it, the old one until then."""
    following = "Set the trust policy to the new ExternalId, then test again."
    if not proving.accepts(reference, connection.next_external_id):
        detail = "The role does not accept the new ExternalId yet; the old one stays in use."
        result.report.warning("New ExternalId", detail, following)
        return reference
    result.rotated = True
    if proving.accepts(reference, reference.external_id):
        detail = "The role accepts the new ExternalId, and still the old one."
        result.report.warning("New ExternalId", detail, "Take the old ExternalId out of the trust policy.")
    else:
        result.report.ok("New ExternalId", "The role accepts the new ExternalId and no longer the old one.")
    return replace(reference, external_id=connection.next_external_id)


def _settle(seen: Connection, result: Result) -> Connection | None:
    now = timezone.now()
    with transaction.atomic():
        held = Connection.objects.select_for_update().select_related("account").get(pk=seen.pk)
        if held.state == _S.DISCONNECTED or (held.role_arn, held.external_id) != (seen.role_arn, seen.external_id):
            return None  # another role was given meanwhile: its own test is wanted
        before = _S(held.state)
        held.tested_at = now
        held.report = result.report.rows
        if held.test_wanted_at == seen.test_wanted_at:
            held.test_wanted_at = None
        if result.rotated and held.next_external_id == seen.next_external_id:
            held.external_id, held.next_external_id, held.external_id_ours = seen.next_external_id, "", True
            text = f"The new ExternalId of the {held.get_purpose_display().lower()} of {held.account.name} is in use"
            history.record("connection.rotated", text, by=Actor.system(), account=held.account)
        if result.refused and held.former:
            return _go_back(held, result.refused)
        paused = before == _S.PAUSED or (held.former or {}).get("state") == _S.PAUSED
        held.former = None
        if result.refused:
            held.state = _S.REFUSED
            held.failure, held.failure_next = result.refused
            held.verbs = {}
        else:
            held.failure = held.failure_next = ""
            held.verbs = result.verbs
            held.enabled_regions = result.enabled_regions
            held.regions = held.regions or result.regions
            held.state = _S.PAUSED if paused else _S.CONNECTED
            held.connected_at = held.connected_at or now
        proofs.settle(held, before=before, now=now)
        held.save()
        places.chosen(held)
        if held.state != before:
            _tell(held)
        if result.organization is not None and not result.refused:
            attach(held, result.organization)
    return held


def _go_back(held: Connection, refused: tuple[str, str]) -> Connection:
    """Another role was tried and refused: what was in use before is in use again, and the row says what happened."""
    tried = held.role_arn
    for name, value in (held.former or {}).items():
        setattr(held, name, value)
    held.former = None
    held.failure = f"{tried} was refused, so {held.role_arn} stays in use. {refused[0]}"
    held.failure_next = refused[1]
    held.save()
    text = f"{held.get_purpose_display()} of {held.account.name}: another role was refused. {held.failure}"
    history.record(
        "connection.refused", text, by=Actor.system(), account=held.account, detail={"purpose": held.purpose, "role_arn": tried}
    )
    return held


def _tell(held: Connection) -> None:
    what = f"{held.get_purpose_display()} of {held.account.name}"
    detail: dict[str, Any] = {"purpose": held.purpose, "verbs": held.verbs, "regions": held.regions}
    if held.state == _S.REFUSED:
        text = f"{what} refused: {held.failure}"
        history.record("connection.refused", text, by=Actor.system(), account=held.account, detail=detail)
        return
    concerns = [row["name"] for row in held.report if row["outcome"] != "ok"]
    text = f"{what} connected" + (f", with warnings: {', '.join(dict.fromkeys(concerns))}" if concerns else "")
    history.record("connection.connected", text, by=Actor.system(), account=held.account, detail=detail)


def _principal(worker_arn: str) -> str:
    return CallerIdentity(worker_arn, "", "").principal_arn


def _condition(external_id: str) -> str:
    return json.dumps({"StringEquals": {"sts:ExternalId": external_id}})
