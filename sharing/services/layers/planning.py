"""A share of a layer version, thought through before anything is written: what the preview shows and what is written."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from sharing.models import Actor, Connection, LayerGrant, LayerVersion, Purpose, Wanted
from sharing.policy import Document, Part, WhoError, parse, parse_who, plain
from sharing.policy.layers import LayerArn, LayerShare, LetIn, layer_cli, let_in
from sharing.policy.statement import canonical
from sharing.policy.verdicts import Answer
from sharing.services.errors import Refusal
from sharing.services.granting.deciding import check_end
from sharing.services.granting.digests import _stable as stable
from sharing.services.granting.pausing import RESUME_FIRST, why_paused
from sharing.services.granting.planning import default_sid
from sharing.services.granting.revoking import why_not_usable
from sharing.services.granting.shapes import Problem
from sharing.services.naming import account_names, numbers_by_name
from sharing.services.organizations import Memberships, known

from . import rights

#: Where a form's token becomes a grant's id: the same form always plans the same statement, Sid included.
FORMS = uuid.UUID("0d3f4a0e-5a6b-4b7e-9b43-6c1d2f0a8e55")


@dataclass(frozen=True)
class LayerPlan:
    """A share, thought through and not written: everything the preview shows.

    `problems` block (`ok` is false then), `warnings` inform. `already`: sentences about what lets them in already.
    `equal`: a live grant with everything alike but perhaps the end date; with `same_end` granting shows that one and
    writes nothing. `second_person`: why another person must approve, "" if not. Layers cannot be checked by a DryRun.
    """

    grant_id: uuid.UUID
    layer: LayerVersion
    share: LayerShare | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    parts: tuple[Part, ...] = ()
    statement: dict[str, Any] = field(default_factory=dict)
    ends_at: datetime | None = None
    already: tuple[str, ...] = ()
    equal: LayerGrant | None = None
    second_person: str = ""
    cli: str = ""
    form_token: str = ""

    @property
    def ok(self) -> bool:
        """Nothing blocks: `share` would write it (or show the equal grant)."""
        return not self.problems and self.share is not None

    @property
    def same_end(self) -> bool:
        """Whether the equal grant ends at the same moment."""
        return self.equal is not None and self.equal.ends_at == self.ends_at

    @property
    def sentence(self) -> str:
        """Who may use what, until when."""
        return plain(list(self.parts))

    @property
    def seen(self) -> str:
        """A mark of what was previewed: the statement and its end date. Nobody grants what they did not see."""
        return digest_of(self.layer, self.statement, self.ends_at)[:32]


def plan(*, layer: LayerVersion, who: str, by: Actor, ends_at: datetime | None, form_token: str) -> LayerPlan:
    """Plan a share of the layer version with whom the text names. Nothing is written and AWS is not asked.

    Raises NotFound (out of scope) and NotPermitted; everything else that is wrong is in `LayerPlan.problems`.
    """
    rights.require_change(by, layer)
    grant_id = uuid.uuid5(FORMS, form_token)
    arn = LayerArn.parse(layer.arn)
    try:
        principal = parse_who(who, names=numbers_by_name(), partition=arn.partition)
    except WhoError as error:
        problems = (Problem(str(error), field="who"), *_of_place(layer), *_of_end(ends_at, everyone=False))
        return LayerPlan(grant_id, layer, None, problems=problems, ends_at=ends_at, form_token=form_token)
    share = LayerShare(arn, default_sid(grant_id), principal)
    wrong = share.problem()
    found = [Problem(wrong, "Name an account, an organisation or everyone.", field="who")] if wrong else []
    found += [*_of_end(ends_at, everyone=principal.kind.value == "everyone"), *_of_place(layer)]
    if why := why_paused(principal.account or "", layer.account_id):
        found.append(Problem(why, RESUME_FIRST, field="who", code="suspended"))
    end = f"{ends_at:%d %b %Y %H:%M} UTC" if ends_at else ""
    names = account_names()
    return LayerPlan(
        grant_id,
        layer,
        None if wrong else share,
        problems=tuple(found),
        warnings=tuple(_of_reading(layer)),
        parts=tuple(share.sentence(names, end)) if not wrong else (),
        statement=share.statement(),
        ends_at=ends_at,
        already=tuple(_already(layer, share)),
        equal=_equal(layer, share, ends_at),
        second_person=share.needs_second_person,
        cli=layer_cli(share),
        form_token=form_token,
    )


def document_of(layer: LayerVersion) -> Document:
    """The policy as last read; a document that does not exist where there is none."""
    return parse(layer.current.document or None if layer.current else None)


def digest_of(layer: LayerVersion, statement: dict[str, Any], ends_at: datetime | None) -> str:
    """Digest of what a second person says yes to: the exact statement, Sid included, on this version, and its end date."""
    end = ends_at.astimezone(UTC).isoformat() if ends_at else "no end"
    meant = [layer.arn, stable(canonical(statement)), end]
    return hashlib.sha256(json.dumps(meant, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def way_in_problem(layer: LayerVersion, *, taking: bool = False) -> Refusal | None:
    """Why no worker could write to this policy now, as a Refusal to raise or show; None if one could.

    taking: something is only taken back (see way_into).
    """
    account = layer.account
    connection = Connection.objects.standing().filter(account=account, purpose=Purpose.MANAGER).first()
    problem = why_not_usable(account, connection, taking=taking)
    if problem is None and connection is not None and not connection.verbs.get("share_layers", connection.verbs.get("share")):
        problem = Refusal(
            f"The manager role of {account} may not share layers.",
            next="Add lambda:AddLayerVersionPermission and lambda:RemoveLayerVersionPermission to it (the template has them), "
            "then test the connection.",
            code="read-only",
        )
    return problem


def _of_end(ends_at: datetime | None, *, everyone: bool) -> list[Problem]:
    try:
        check_end(ends_at, everyone=everyone, now=timezone.now())
    except Refusal as refusal:
        return [Problem(refusal.message, refusal.next, field="ends_at")]
    return []


def _of_place(layer: LayerVersion) -> list[Problem]:
    if layer.vanished_at:
        return [
            Problem(f"AWS does not list {layer.label} any more.", "Read the layers again to see what is there.", code="gone")
        ]
    refusal = way_in_problem(layer)
    return [Problem(refusal.message, refusal.next, code=refusal.code)] if refusal else []


def _of_reading(layer: LayerVersion) -> list[Problem]:
    if not layer.is_unread:
        return []
    when = f" since {layer.unread_since:%Y-%m-%d %H:%M} UTC" if layer.unread_since else ""
    why = layer.unread_reason or "it was never read"
    return [Problem(f"The policy of this version is unread{when}: {why} fnshare reads it before it writes.", code="unread")]


def _already(layer: LayerVersion, share: LayerShare) -> list[str]:
    """What lets the same principal in already, as last read."""
    members = known()
    found = []
    for one in let_in(document_of(layer), share.layer):
        covers = _covers(one, share.principal.kind.value, share.principal.value)
        if covers in ("no", "part"):
            continue
        who = {"account": "They", "everyone": "Everyone"}.get(one.kind, f"Organisation {one.principal}")
        who = "They" if one.principal == share.principal.value and one.kind != "everyone" else who
        depends = f" Depends on {', '.join(one.depends_on)}." if one.depends_on else ""
        belongs = (
            _belongs(one, share.principal.kind.value, share.principal.value, members) if covers == "member" else Answer.YES
        )
        if belongs is Answer.NO:
            continue
        member = " That covers them if they belong to it." if belongs is Answer.DEPENDS else ""
        found.append(f"{who} may use it already, by {_pointed(one)}.{member}{depends}")
    return found


def remaining(layer: LayerVersion, *, kind: str, principal: str, without: str) -> list[str]:
    """What still lets the same principal use the version once the statement `without` is gone, in words."""
    members = known()
    found = []
    names = account_names()
    for one in let_in(document_of(layer), LayerArn.parse(layer.arn)):
        covers = _covers(one, kind, principal)
        if covers == "no" or (without and one.sid == without):
            continue
        member = {"account": "account", "organization": "organisation"}.get(kind, "one")
        label = {"everyone": "Everyone", "organization": f"Organisation {one.principal}"}.get(one.kind)
        who = label or names.get(one.principal) or one.principal
        belongs = Answer.YES
        if covers in ("member", "part"):
            belongs = _belongs(one, kind, principal, members)
        if belongs is Answer.NO:
            continue
        condition = f", if the {member} belongs to it" if covers == "member" and belongs is Answer.DEPENDS else ""
        if covers == "part" and belongs is Answer.DEPENDS:
            who, condition = f"{who} by itself", ", if it belongs to the organisation"
        depends = f" Depends on {', '.join(one.depends_on)}." if one.depends_on else ""
        found.append(f"{who}, by {_pointed(one)}{condition}.{depends}")
    return found


def _covers(one: LetIn, kind: str, principal: str) -> str:
    """Whether what a statement lets in covers a principal: yes, no, `member` (of its organisation), `part` (of theirs)."""
    if one.deny or one.latent:
        return "no"
    if one.kind in ("everyone", "unknown") or (one.kind, one.principal) == (kind, principal):
        return "yes"
    if one.kind == "organization" and kind == "account":
        return "member"
    return "part" if one.kind == "account" and kind == "organization" else "no"


def _belongs(one: LetIn, kind: str, principal: str, members: Memberships) -> Answer:
    """Whether the account of the two is in the organisation of the two, as its members were read."""
    number, name = (principal, one.principal) if kind == "account" else (one.principal, principal)
    return members.is_in(number, name)


def _pointed(one: LetIn) -> str:
    return f"statement “{one.sid}”" if one.sid else f"statement {one.statement + 1}"


def _equal(layer: LayerVersion, share: LayerShare, ends_at: datetime | None) -> LayerGrant | None:
    """A live grant for the same principal; rather one with the same end date, else the one that lasts longest."""
    found = list(equal_grants(layer, share.principal.kind.value, share.principal.value))
    same = [grant for grant in found if grant.ends_at == ends_at]
    found.sort(key=lambda grant: (grant.ends_at is None, grant.ends_at or timezone.now()))
    return same[0] if same else found[-1] if found else None


def equal_grants(layer: LayerVersion, kind: str, principal: str) -> list[LayerGrant]:
    """Live grants that let the same principal use the same version."""
    alike = LayerGrant.objects.live().filter(layer=layer, wanted=Wanted.PRESENT, adopted=False)
    return list(alike.filter(principal_kind=kind, principal=principal))
