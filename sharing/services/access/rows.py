"""Who has access: the shape of one line of the list over a function, its aliases and its versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sharing.models import Account, Grant, Policy, PolicyVersion


@dataclass(frozen=True)
class Who:
    """A principal as people and AWS read it.

    `kind`: everyone, account, identity, organization, service, federated, ghost, unknown. `label` is the name in words
    ("Acme Ltd", "role deployer of Acme Ltd", "Amazon S3"), `principal` what AWS stores, `account` the 12 digits or "".
    """

    label: str
    kind: str
    principal: str
    account: str = ""
    known: Account | None = None


@dataclass(frozen=True)
class AccessRow:
    """One line of "who has access".

    `kind` "grant": decided here (`grant` set; `index` too once AWS holds it). "statement": found, made elsewhere; act on it
    with `policy`, `version` and `index`. "unread": the policy could not be read (`problem` says why); never empty.
    `effect`: "Allow" or "Deny". `public`, `external`, `open_service`: "yes", "no" or "depends" (not safe), on `depends_on`.
    `changed`: the stored statement is not the one granted here; `stored` and `statement` then show both. Tokens are masked.
    """

    key: str
    kind: str
    policy: Policy
    qualifier: str
    place: str
    who: tuple[Who, ...] = ()
    effect: str = "Allow"
    verb: str = ""
    actions: tuple[str, ...] = ()
    action_class: str = ""
    sentence: str = ""
    sid: str = ""
    state: str = ""
    state_label: str = ""
    verdict: str = ""
    verdict_principal: str = ""
    verdict_detail: str = ""
    checked_at: datetime | None = None
    until: datetime | None = None
    by: str = ""
    why: str = ""
    origin: str = ""
    public: str = "no"
    external: str = "no"
    open_service: str = "no"
    depends_on: tuple[str, ...] = ()
    ghost: bool = False
    latent: str = ""
    grant: Grant | None = None
    version: PolicyVersion | None = None
    index: int | None = None
    statement: dict[str, Any] = field(default_factory=dict)
    stored: dict[str, Any] | None = None
    changed: bool = False
    stale: str = ""
    problem: str = ""
    next: str = ""
    failure: str = ""
    failure_next: str = ""
    revoke_refusal: str = ""
    unsettled: bool = False
