"""From a source and a function to the ordered steps of each side, or to why not and the way round."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..arn import Arn, ArnError, FunctionArn, is_account_id, shorten
from . import pulling, pushing, refusing
from .mapping import MappingOptions
from .shapes import Plan, Refusal, Side
from .sources import SOURCES, SourceKind, recognise


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, understood: the source with its account and region ("" where nothing tells)."""

    function: FunctionArn
    kind: SourceKind
    source: str
    account: str
    region: str
    lets_in: bool
    source_roles: frozenset[str]
    sid: str
    options: MappingOptions
    execution_role: str = ""
    caller_role: str = ""
    events: tuple[str, ...] = ("s3:ObjectCreated:*",)
    prefix: str = ""
    suffix: str = ""
    filter_policy: str = ""
    owner_subscribes: bool = False
    kms: str = ""

    @property
    def crosses_accounts(self) -> bool:
        """Whether the source is in another account than the function."""
        return bool(self.account) and self.account != self.function.account

    def reaches(self, account: str) -> bool:
        """Whether a source role of this account may change the source: a manager role never does, not in one account either."""
        return bool(account) and account in self.source_roles

    def side(self) -> Side:
        """The side of the source's account."""
        return Side.SOURCE if self.crosses_accounts else Side.OWNER


def plan(
    function: FunctionArn | str,
    source: str,
    *,
    lets_in: bool = True,
    source_roles: Iterable[str] = (),
    source_account: str = "",
    source_region: str = "",
    sid: str = "fnshare-wiring",
    options: MappingOptions | None = None,
    execution_role: str = "",
    caller_role: str = "",
    events: tuple[str, ...] = ("s3:ObjectCreated:*",),
    prefix: str = "",
    suffix: str = "",
    filter_policy: str = "",
    owner_subscribes: bool = False,
    kms: str = "",
) -> Plan | Refusal:
    """Plan the wiring of a source to a function; a Refusal says why it cannot be, and what can.

    `source`: its ARN, an Alexa skill id, or the key of a kind in SOURCES (a plan in general words, placeholders in it).
    `source_account`, `source_region`: needed where the ARN does not say them (a bucket). `lets_in`: whether our role may
    change the function's policy and mappings. `source_roles`: the accounts with a source role for this source.
    `execution_role`: the function's, for pull sources; `caller_role`: the role in the source's account that calls, for sources
    that call through one. `kms`: "aws-managed", "customer" or "" (not known), of the source. Never raises.
    """
    try:
        target = FunctionArn.parse(function) if isinstance(function, str) else function
    except ArnError as error:
        return Refusal("function", str(error), field="function")
    wish = _understood(
        target,
        source.strip(),
        source_account.strip(),
        source_region.strip(),
        lets_in,
        frozenset(source_roles),
        sid,
        options or MappingOptions(),
    )
    if isinstance(wish, Refusal):
        return wish
    wish = replace(
        wish, execution_role=execution_role, caller_role=caller_role, events=events, prefix=prefix, suffix=suffix,
        filter_policy=filter_policy, owner_subscribes=owner_subscribes, kms=kms,
    )  # fmt: skip
    if refusal := refusing.why_not(wish):
        return refusal
    build = pulling.build if wish.kind.style.value == "pull" else pushing.build
    return build(wish)


def _understood(
    function: FunctionArn,
    source: str,
    account: str,
    region: str,
    lets_in: bool,
    roles: frozenset[str],
    sid: str,
    options: MappingOptions,
) -> Wish | Refusal:
    if account and not is_account_id(account):
        return Refusal("account", f"“{shorten(account)}” is no account id: it has exactly 12 digits.", field="source_account")
    if kind := SOURCES.get(source):
        return Wish(function, kind, kind.example or f"<{kind.key.upper()}>", account, region, lets_in, roles, sid, options)
    if source.startswith("amzn1.ask.skill."):
        return Wish(function, SOURCES["alexa"], source, account, region, lets_in, roles, sid, options)
    try:
        arn = Arn.parse(source)
    except ArnError as error:
        return Refusal("source", str(error))
    kind = recognise(arn.service, arn.resource)
    if kind is None:
        return refusing.unknown(arn)
    if arn.partition != function.partition:
        return Refusal(
            "partition",
            f"The source is in partition {arn.partition}, the function in {function.partition}; nothing crosses partitions.",
            ("A copy of the function in the source's partition.",),
        )
    if account and arn.account and account != arn.account:
        return Refusal(
            "account",
            f"The ARN says account {arn.account}, not {account}.",
            ("Leave the account out.",),
            field="source_account",
        )
    return Wish(function, kind, source, arn.account or account, arn.region or region, lets_in, roles, sid, options)
