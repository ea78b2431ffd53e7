"""Who may use one layer version: statements as AWS holds them, joined to the grants they came from."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.models import Actor, GrantState, LayerGrant, LayerVersion
from sharing.policy import Principal, PrincipalKind, Tool, origin_of, same_statement
from sharing.policy.layers import LayerArn, LetIn, let_in
from sharing.services.errors import NotFound
from sharing.services.granting.revoking import OVER
from sharing.services.naming import account_names

from .planning import document_of
from .wording import share_of

#: Grants that are over keep their line this long, so that nobody misses how they ended.
RECENT = timedelta(days=1)
#: Grants that have a line of their own although AWS holds no statement of theirs (yet).
_SHOWN = (
    GrantState.REQUESTED,
    GrantState.PENDING,
    GrantState.GRANTING,
    GrantState.REVOKING,
    GrantState.STUCK,
    GrantState.ACTIVE,
)


@dataclass(frozen=True)
class Using:
    """One principal of one statement, or of a grant that waits.

    `label`: its name; `principal`: what AWS reads. `public`, `external`, `deny`, `latent`, `depends_on`: see
    policy.layers.LetIn. `grant`: ours, if it is one. `index`: the statement's place in the current content, None while AWS
    holds none. `statement`: as AWS holds it, or as it is to be. `changed`: another tool changed ours. `origin`: the tool
    that made a statement elsewhere, where its name tells. `stored`: AWS held it at the last read.
    """

    label: str
    kind: str
    principal: str
    public: str = "no"
    external: str = "no"
    deny: bool = False
    latent: str = ""
    depends_on: tuple[str, ...] = ()
    sid: str = ""
    grant: LayerGrant | None = None
    index: int | None = None
    statement: Any = None
    changed: bool = False
    origin: str = ""

    @property
    def stored(self) -> bool:
        """Whether AWS held it at the last read."""
        return self.index is not None

    @property
    def over(self) -> bool:
        """Whether it only tells how a grant ended."""
        return self.grant is not None and self.grant.state in OVER and not self.stored

    @property
    def key(self) -> str:
        """Stable within the page: the grant's, or the statement's and the principal's."""
        return self.grant.pk.hex if self.grant else f"s{self.index}-{zlib.crc32(self.principal.encode()):x}"


def users(layer: LayerVersion, *, by: Actor) -> list[Using]:
    """Everybody whom the policy as last read names, and grants that wait.

    Two queries, three once a grant has ended lately. Raises NotFound.
    """
    if not by.sees(layer.account_id):
        raise NotFound("That layer version")
    names = account_names()
    arn = LayerArn.parse(layer.arn)
    over = Q(state__in=OVER, settled_at__gte=timezone.now() - RECENT)
    known = LayerGrant.objects.filter(Q(state__in=_SHOWN) | over, layer=layer).order_by("created_at")
    # A live grant rather than one that is over: a statement made elsewhere may come back under its Sid.
    grants = {grant.sid: grant for grant in sorted(known, key=lambda grant: grant.state not in OVER)}
    document = document_of(_not_before(layer, grants))
    found = [
        _of(one, grants.pop(one.sid, None) if one.sid else None, document.statements, names) for one in let_in(document, arn)
    ]
    found += [_waiting(grant, names) for grant in grants.values() if grant.state != GrantState.ACTIVE]
    order = {"everyone": 0, "organization": 1, "account": 2}
    return sorted(found, key=lambda one: (one.over, order.get(one.kind, 3), one.label, one.sid))


def _not_before(layer: LayerVersion, grants: Mapping[str, LayerGrant]) -> LayerVersion:
    """The version with its content from after these grants were read: a worker may have ended one since the version was loaded,
    and its statement would seem to be somebody else's, for as long as the page stays. One query, and only then."""
    ended = [one.settled_at for one in grants.values() if one.state in OVER and one.settled_at]
    if not ended or layer.read_at is None or layer.read_at > max(ended):
        return layer
    return LayerVersion.objects.select_related("account", "current").get(pk=layer.pk)


def earlier(layer: LayerVersion) -> QuerySet[LayerGrant]:
    """Grants that are over and have no line among `users` any more, newest first."""
    return LayerGrant.objects.filter(layer=layer, state__in=OVER).exclude(settled_at__gte=timezone.now() - RECENT)


def _of(one: LetIn, grant: LayerGrant | None, statements: Any, names: dict[str, str]) -> Using:
    if grant is not None and grant.state in OVER:
        grant = None  # what AWS holds now under its Sid was written by somebody else
    statement = statements[one.statement] if one.statement < len(statements) else None
    raw = statement.raw if statement else None
    origin = origin_of(statement) if grant is None and statement else None
    return Using(
        label=_label(one.kind, one.principal, one.account, names),
        kind=one.kind,
        principal=one.principal,
        public=one.public,
        external=one.external,
        deny=one.deny,
        latent=one.latent,
        depends_on=one.depends_on,
        sid=one.sid,
        grant=grant,
        index=one.statement,
        statement=raw,
        changed=grant is not None and not same_statement(raw, grant.statement),
        origin=str(origin.tool) if origin and origin.tool is not Tool.UNKNOWN else "",
    )


def _waiting(grant: LayerGrant, names: dict[str, str]) -> Using:
    principal = share_of(grant).principal
    label = _label(principal.kind.value, principal.value, principal.account or "", names)
    return Using(label, grant.principal_kind, grant.principal, sid=grant.sid, grant=grant, statement=grant.statement)


def _label(kind: str, value: str, account: str, names: dict[str, str]) -> str:
    try:
        words = Principal(PrincipalKind(kind), value, account or None).label(names)
    except ValueError:
        words = value
    return f"{words[:1].upper()}{words[1:]}"
