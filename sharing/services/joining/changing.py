"""What admins decide about an organisation's accounts. Rows only; a worker looks for the roles."""

import secrets
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from sharing.models import Actor, Connection, Joiner, JoinerState, Joining, Organization, Purpose
from sharing.models.joining import TRIED, UNIT
from sharing.services import history, places
from sharing.services.connecting.given import only_admins, partition_for, regions_for
from sharing.services.errors import Refusal

_MOST_UNITS = 100


def start(
    organization: Organization,
    *,
    manager: bool,
    checker: bool,
    share: bool = False,
    wire: bool = False,
    units: Iterable[str] = (),
    regions: Iterable[str] = (),
    by: Actor,
) -> Joining:
    """Have the organisation's accounts connected, or change how; its ExternalIds stay the same. Twice is once.

    share, wire: stages of the manager role. units: ids of a root or of units; none: every member. regions: what is read in
    each account; none: every region the role can list. Raises NotPermitted, Refusal.
    """
    only_admins(by)
    if not (manager or checker):
        raise Refusal("No role is chosen.", next="Choose at least one.", field="manager")
    if (share or wire) and not manager:
        raise Refusal("Stages are the manager role's.", next="Choose the manager role too, or no stage.", field="share")
    if organization.read_at is None or organization.connection is None:
        raise Refusal(
            "The members of this organisation were never read.",
            next="Connect its role and wait for the first read.",
            code="not-connected",
        )
    wanted = {
        "manager": manager,
        "checker": checker,
        "share": share,
        "wire": wire,
        "units": _units(units),
        "regions": regions_for(regions, partition_for("")),
    }
    try:
        with transaction.atomic():
            return _kept(organization, wanted, by)
    except IntegrityError:  # another form did it at the same moment
        with transaction.atomic():
            return _kept(organization, wanted, by)


def take_in(joiner: Joiner, *, by: Actor) -> Joiner:
    """Look for the roles of an account that was left out. Raises NotPermitted, Refusal."""
    only_admins(by)
    with transaction.atomic():
        held = _held(joiner)
        if held.state != JoinerState.LEFT_OUT:
            return held
        _look_now(held)
        text = f"{held.member} is taken in again: its roles are looked for"
        history.record("organization.account-taken-in", text, by=by, detail={"number": held.number})
    return held


def try_again(joiner: Joiner, *, by: Actor) -> Joiner:
    """Look for the roles at once. Connected, left out or gone already: nothing happens. Raises NotPermitted."""
    only_admins(by)
    with transaction.atomic():
        held = _held(joiner)
        if held.state in TRIED:
            held.next_try_at, held.tries = timezone.now(), 0
            held.save(update_fields=["next_try_at", "tries"])
    return held


def _kept(organization: Organization, wanted: dict[str, Any], by: Actor) -> Joining:
    held = Joining.objects.select_for_update().filter(organization=organization).first()
    words = _words(wanted)
    if held is None:
        made = Joining(organization=organization, mark=secrets.token_hex(20), created_by=by.person, **wanted)
        made.save(force_insert=True)
        text = f"The accounts of organisation {organization.organization_id} are to be connected: {words}"
        history.record("organization.joining-started", text, by=by, detail=wanted)
        return made
    before = {name: getattr(held, name) for name in wanted}
    if before == wanted:
        return held
    for name, value in wanted.items():
        setattr(held, name, value)
    held.save()
    if any(wanted[name] and not before[name] for name in ("manager", "checker")):  # a role more for each of them
        now = timezone.now()
        held.joiners.filter(state=JoinerState.CONNECTED).update(state=JoinerState.WAITING, next_try_at=now, tries=0)
    if wanted["regions"] and wanted["regions"] != before["regions"]:
        numbers = held.joiners.filter(connected_at__isnull=False).values("number")
        ours = Q(external_id__startswith=f"fnshare-{Purpose.MANAGER}-{held.mark}-")
        found = Connection.objects.standing().filter(ours, purpose=Purpose.MANAGER, account__number__in=numbers)
        for connection in found.order_by("pk").select_for_update(of=("self",)):
            connection.regions = wanted["regions"]
            connection.save(update_fields=["regions"])
            places.chosen(connection)
    text = f"How the accounts of organisation {organization.organization_id} are connected was changed: {words}"
    history.record("organization.joining-changed", text, by=by, detail={"before": before, "now": wanted})
    return held


def _held(joiner: Joiner) -> Joiner:
    return Joiner.objects.select_for_update(of=("self",)).select_related("member", "joining__organization").get(pk=joiner.pk)


def _look_now(held: Joiner) -> None:
    held.state, held.next_try_at, held.tries = JoinerState.WAITING, timezone.now(), 0
    held.failure = held.failure_next = ""
    held.save()


def _units(asked: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(unit.strip().lower() for unit in asked if unit.strip()))
    if len(found) > _MOST_UNITS:
        raise Refusal(f"These are more than {_MOST_UNITS} units.", next="Name the unit above them.", field="units")
    for unit in found:
        try:
            UNIT(unit)
        except ValidationError:
            raise Refusal(
                f"“{unit[:40]}” is no unit of an organisation.",
                next="A unit's id looks like ou-ab12-c3d4e5f6, a root's like r-ab12.",
                field="units",
            ) from None
    return found


def _words(wanted: dict[str, Any]) -> str:
    stages = [word for word, so in (("share", wanted["share"]), ("mappings", wanted["wire"])) if so]
    manager = f"manager role ({', '.join(['read', *stages])})" if wanted["manager"] else ""
    roles = " and ".join(role for role in (manager, "checker role" if wanted["checker"] else "") if role)
    where = f"{len(wanted['units'])} units" if wanted["units"] else "every member"
    return f"{roles}, in {where}"
