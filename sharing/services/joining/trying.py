"""One account: are its roles there, do they let fnshare in, and what did their tests say."""

from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from sharing.aws import proving
from sharing.aws.errors import AwsError, Unavailable
from sharing.aws.session import RoleRef
from sharing.models import Actor, Connection, ConnectionState, Joiner, JoinerState, Joining, OrganizationMember, Purpose
from sharing.models.joining import TRIED
from sharing.services import connecting, history
from sharing.services.connecting.given import partition_for
from sharing.services.errors import Refusal

log = structlog.get_logger(__name__)

_S = ConnectionState
_MINUTE = 60
#: Seconds until an account is tried again: an admin who deploys now waits for a minute, one who never does costs a call a day.
PAUSES = (_MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
#: A test that found no answer is tried again this soon.
_TEST_AGAIN = 2 * _MINUTE


def attempt(joining: Joining, row: Joiner) -> None:
    """Look for each role of the account that is not connected yet, and settle the row by what is there.

    Raises Unavailable when AWS gives no answer at all: the row stays as it is.
    """
    if not _is_wanted(row):
        return  # somebody left it out since the batch was listed
    try:
        missing = [purpose for purpose in joining.purposes if not _found(joining, row, purpose)]
    except Refusal as refusal:
        _settle(joining, row, JoinerState.REFUSED, refusal.message, refusal.next)
        return
    held = {one.purpose: one for one in _standing(row.number) if one.purpose in joining.purposes}
    refused = next((one for one in held.values() if one.state == _S.REFUSED), None)
    testing = next((one for one in held.values() if one.state == _S.TESTING), None)
    if refused is not None:
        words = f"{refused.get_purpose_display()}: {refused.failure}"
        _settle(joining, row, JoinerState.REFUSED, words, refused.failure_next)
    elif testing is not None:
        _settle(joining, row, JoinerState.TESTING, testing.failure, testing.failure_next)
    elif missing:
        there = [one.get_purpose_display().lower() for one in held.values() if one.connected_at]
        roles = " and ".join(connecting.role_arn_in(row.number, one, _partition()).rpartition("/")[2] for one in missing)
        said = f"{there[0].capitalize()} connected; not there yet: {roles}." if there else ""
        _settle(joining, row, JoinerState.WAITING, said, "")
    else:
        _settle(joining, row, JoinerState.CONNECTED, "", "")


def _found(joining: Joining, row: Joiner, purpose: Purpose) -> bool:
    """Whether the account has a connection for this purpose that a role was found for. Tests it if that is to be done."""
    held = next((one for one in _standing(row.number) if one.purpose == purpose), None)
    if held is None or held.state in (_S.AWAITED, _S.REFUSED):
        arn = connecting.role_arn_in(row.number, purpose, _partition())
        external_id = joining.external_id(purpose, row.number)
        if not proving.accepts(RoleRef(_partition(), row.number, arn, external_id), external_id):
            return held is not None and held.state == _S.REFUSED
        if not _is_wanted(row):
            return False  # left out while AWS was asked: nothing is connected
        held = connecting.adopt(
            number=row.number,
            name=name_of(row.member),
            partition=_partition(),
            purpose=purpose,
            role_arn=arn,
            external_id=external_id,
            regions=joining.regions,
        )
    if held.test_wanted_at is not None and held.state in (_S.TESTING, _S.REFUSED):
        try:
            connecting.run_test(held.pk)
        except Unavailable as problem:  # the reason is on the connection; the sweep has it tested again
            log.warning("joiner_not_tested", connection=str(held.pk), code=problem.code)
        except AwsError as problem:  # let in and then not: the role is being made at this moment
            log.warning("joiner_not_tested", connection=str(held.pk), code=problem.code)
    return True


def _is_wanted(row: Joiner) -> bool:
    return Joiner.objects.filter(pk=row.pk, state__in=TRIED).exists()


def name_of(member: OrganizationMember) -> str:
    """What an account is called here when its organisation names it first."""
    name = "".join(letter for letter in member.name if letter.isprintable()).strip()
    return name[:80] or f"Account {member.number}"


def _standing(number: str) -> list[Connection]:
    return list(Connection.objects.standing().filter(account__number=number).select_related("account"))


def _partition() -> str:
    return partition_for("")


def _settle(joining: Joining, row: Joiner, state: JoinerState, failure: str, following: str) -> None:
    """Only if nobody decided something else meanwhile."""
    now = timezone.now()
    tries = row.tries + 1
    pause = _TEST_AGAIN if state == JoinerState.TESTING else PAUSES[min(tries, len(PAUSES)) - 1]
    values = {
        "state": state,
        "failure": failure,
        "failure_next": following,
        "tries": tries,
        "tried_at": now,
        "next_try_at": now + timedelta(seconds=pause),
    }
    if state == JoinerState.CONNECTED:
        values["connected_at"] = now
    with transaction.atomic():
        mine = Joiner.objects.filter(pk=row.pk, state__in=TRIED, tries=row.tries)
        if not mine.update(**values) or state == row.state:
            return
        if state in (JoinerState.CONNECTED, JoinerState.REFUSED):
            where = f"organisation {joining.organization.organization_id}"
            verb, words = (
                ("joined", "is connected") if state == JoinerState.CONNECTED else ("refused", f"is refused: {failure}")
            )
            account = next((one.account for one in _standing(row.number)), None)
            text = f"{row.member} of {where} {words}"
            history.record(f"organization.account-{verb}", text, by=Actor.system(), account=account)
