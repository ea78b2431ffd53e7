"""What a complete list changes: who joined, who left, who was suspended, each an event."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sharing.aws.organizations import Described, ListedAccount
from sharing.models import Account, Actor, Organization, OrganizationMember
from sharing.services import history

from .stopping import go_on, stop

#: More changes of one sort than these are one event, which counts them.
_TOLD = 20
_CHUNK = 500
_WORDS = {
    "joined": ("organization.joined", "{who} joined organisation {id}", "{many} accounts joined organisation {id}"),
    "left": ("organization.left", "{who} left organisation {id}", "{many} accounts left organisation {id}"),
    "returned": (
        "organization.returned",
        "{who} of organisation {id} is active again",
        "{many} accounts of {id} are active again",
    ),
    "suspended": (
        "organization.suspended",
        "{who} of organisation {id} is {state}",
        "{many} accounts of organisation {id} are suspended or closed",
    ),
}
_SUSPENDED = ("SUSPENDED", "PENDING_CLOSURE", "CLOSED")


def keep(held: Organization, described: Described, accounts: Sequence[ListedAccount], *, now: datetime) -> None:
    """Make the members what the list says. Call it in the storing transaction, with the organisation's row locked."""
    listed = {one.number: one for one in accounts}
    present = {one.number: one for one in OrganizationMember.objects.present().filter(organization=held)}
    joined = [one for number, one in listed.items() if number not in present]
    left = [one for number, one in present.items() if number not in listed]
    changed, suspended, returned = [], [], []
    for number, row in present.items():
        one = listed.get(number)
        if one is None or (row.name, row.status) == (one.name, one.state):
            continue
        if one.state != row.status and one.state in _SUSPENDED:
            suspended.append(one)
        if row.status in _SUSPENDED and one.state not in _SUSPENDED:
            returned.append(one)
        row.name, row.status = one.name, one.state
        changed.append(row)
    _leave(left, now)
    _leave_others([one.number for one in joined], held, now)
    OrganizationMember.objects.bulk_update(changed, ["name", "status"], batch_size=_CHUNK)
    rows = [
        OrganizationMember(organization=held, number=one.number, name=one.name, status=one.state, first_seen_at=now)
        for one in joined
    ]
    OrganizationMember.objects.bulk_create(rows, batch_size=_CHUNK)
    elsewhere = _present(one.number for one in left)
    stop({one.number for one in left} - elsewhere, f"Its account is not in organisation {held.organization_id} any more.")
    for state in _SUSPENDED:
        ended = {one.number for one in (*suspended, *joined) if one.state == state}
        words = state.lower().replace("_", " ")
        stop(ended, f"Organisation {held.organization_id} says of its account: {words}.")
    go_on({one.number for one in (*returned, *joined) if one.state not in _SUSPENDED})
    first = held.read_at is None
    held.management_account = described.management_account
    account = held.connection.account if held.connection else None
    if first:
        text = f"The members of organisation {held.organization_id} were read: {len(listed)} accounts"
        history.record("organization.read", text, by=Actor.system(), account=account, detail={"accounts": len(listed)})
    else:
        _tell("joined", [(one.number, one.name, one.state) for one in joined], held, account)
    _tell("left", [(one.number, one.name, one.status) for one in left], held, account)
    _tell("returned", [(one.number, one.name, one.state) for one in returned], held, account)
    _tell("suspended", [(one.number, one.name, one.state) for one in suspended], held, account)


def _present(numbers: Iterable[str]) -> set[str]:
    """Those of the accounts that are in some known organisation all the same: they moved."""
    return set(OrganizationMember.objects.present().filter(number__in=list(numbers)).values_list("number", flat=True))


def _leave(rows: Sequence[OrganizationMember], now: datetime) -> None:
    for row in rows:
        row.left_at = now
    OrganizationMember.objects.bulk_update(rows, ["left_at"], batch_size=_CHUNK)


def _leave_others(numbers: Sequence[str], held: Organization, now: datetime) -> None:
    """An account belongs to one organisation: whoever is in this one is in no other any more."""
    for start in range(0, len(numbers), _CHUNK):
        rows = (
            OrganizationMember.objects.present().filter(number__in=numbers[start : start + _CHUNK]).exclude(organization=held)
        )
        others = list(rows.select_related("organization"))
        _leave(others, now)
        for row in others:
            _tell("left", [(row.number, row.name, row.status)], row.organization, None)


def _tell(what: str, found: Sequence[tuple[str, str, str]], held: Organization, account: Account | None) -> None:
    if not found:
        return
    verb, one, many = _WORDS[what]
    by = Actor.system()
    if len(found) > _TOLD:
        text = many.format(many=f"{len(found):,}", id=held.organization_id)
        numbers = [number for number, _, _ in found[:_CHUNK]]
        history.record(verb, text, by=by, account=account, detail={"count": len(found), "numbers": numbers})
        return
    known = {row.number: row for row in Account.objects.filter(number__in=[number for number, _, _ in found])}
    for number, name, state in found:
        who = f"{name} ({number})" if name else f"Account {number}"
        words = state.lower().replace("_", " ")
        text = one.replace("{id}", held.organization_id).replace("{state}", words).replace("{who}", who)
        history.record(verb, text, by=by, account=known.get(number) or account, detail={"number": number, "state": state})
