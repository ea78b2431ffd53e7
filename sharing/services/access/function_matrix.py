"""The second level of the matrix: functions of one owner account by principals. Only what is in view is asked for.

Rows are forms (the function itself, an alias, a version): each has a policy of its own. Columns are the principals that
the policies in view let in or deny. Eight queries for a page of functions, whatever the size of the account.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from django.db.models import Exists, OuterRef, Q, QuerySet

from sharing.models import Account, Exposure, Function, Policy, Qualifier, Reading
from sharing.policy import parse
from sharing.policy.verdicts import Answer
from sharing.services.organizations import UNKNOWN, Memberships
from sharing.services.trusting import Trust

from .cells import Cell, Denies, Key, Way, cells, denies, expanded
from .listing import order_of_places, words_of_place
from .parties import RANKS, UNKNOWN_RANK, Party, party
from .principals import Names
from .proofs import Proofs, proofs
from .ways import OWN_ORGANISATION

#: Forms of one function that are shown before the rest is folded into a line that says how many.
MOST_FORMS = 6

_WAY = ("policy_id", "kind", "principal", "account", "action_class", "public", "external", "open_service", "latent")


@dataclass(frozen=True)
class Asked:
    """Which part is asked for. `party`: kind and principal; an account's roles and users come with it.

    `show`: "" all functions, "reached" those that let somebody in, "unsafe" those with a way that is not safe.
    `unproved`: cells that are proved are left out. `through`: accounts are shown what everyone gets as well, and what
    organisations get that they are in (or may be in, by what is known of `members`).
    """

    text: str = ""
    region: str = ""
    kind: str = ""
    party: Key | None = None
    show: str = ""
    unproved: bool = False
    through: bool = False
    members: Memberships = UNKNOWN


@dataclass
class Form:
    """A function, alias or version in view, and what stands in its cells. `folded`: further forms that are not shown."""

    policy: Policy
    words: str
    cells: dict[Key, Cell] = field(default_factory=dict)
    denies: Denies = field(default_factory=Denies)
    folded: int = 0

    @property
    def function(self) -> Function:
        return self.policy.function

    @property
    def is_version(self) -> bool:
        """A published version; else an alias, or the function itself."""
        return self.policy.qualifier.isdigit()

    @property
    def unread(self) -> bool:
        """Whether nobody could ever read it: its cells are not empty, they are not known."""
        return self.policy.reading == Reading.UNREAD and self.policy.current is None

    @property
    def stale(self) -> bool:
        """Whether what is shown was read before reading began to fail."""
        return self.policy.unread_since is not None and not self.unread


@dataclass(frozen=True)
class InView:
    """The forms of the functions in view, and every principal that has a cell, widest kinds first."""

    forms: tuple[Form, ...]
    columns: tuple[tuple[str, str, str], ...]  # kind, principal, account


def functions(account: Account, asked: Asked) -> QuerySet[Function]:
    """The functions of the account that the rows are paged over, by name."""
    found = Function.objects.filter(account=account, vanished_at=None)
    if asked.region:
        found = found.filter(region=asked.region)
    for word in asked.text.split():
        found = found.filter(Q(name__icontains=word) | Q(arn__icontains=word) | Q(description__icontains=word))
    if asked.party:
        wanted = _of_party(asked.party)
        if asked.through and asked.party[0] in ("account", "identity"):
            wanted |= _wider(account_of(asked.party), asked.members)
        found = found.filter(_with_way(account, wanted))
    if asked.show == "reached":
        ways = Exposure.objects.filter(policy__function=OuterRef("pk"), policy__vanished_at=None)
        found = found.filter(Exists(ways))
    elif asked.show == "unsafe":
        found = found.filter(_with_way(account, Q(not_safe=True)))
    return found.order_by("name", "region", "id")


def regions(account: Account) -> list[str]:
    """Where the account has functions."""
    found = Function.objects.filter(account=account, vanished_at=None).order_by("region")
    return list(found.values_list("region", flat=True).distinct())


def _with_way(account: Account, wanted: Q) -> Q:
    """Functions with such a way in. Asked from the side of the ways, which are few."""
    ways = Exposure.objects.filter(wanted, owner=account, policy__vanished_at=None)
    return Q(pk__in=ways.values("policy__function"))


def _wider(number: str, members: Memberships) -> Q:
    """What lets an account in as everyone, or as a member of an organisation that it is, or may be, in."""
    belonging = members.of(number)
    found = Q(kind="organization")
    if belonging.home:
        parts = Q(principal__startswith=f"{belonging.home}/")
        if belonging.path:
            named = Exposure.objects.filter(parts, kind="organization").order_by().values_list("principal", flat=True)
            parts = Q(principal__in=[one for one in named.distinct() if members.is_in(number, one) is not Answer.NO])
        found &= Q(principal__in=(belonging.home, OWN_ORGANISATION)) | parts
    for name in belonging.outside:
        found &= ~(Q(principal=name) | Q(principal__startswith=f"{name}/"))
    return (Q(kind="everyone") | found) & Q(latent=False)


@dataclass(frozen=True)
class Reached:
    """How many functions one party is let into: usable now, of those not safe, and only not usable yet."""

    functions: int
    not_safe: int
    latent: int


def reached_by(account: Account, party: Key) -> Reached:
    """What one party gets in this account, by its own ways (an account's with its roles and users). One query."""
    ways = Exposure.objects.filter(
        _of_party(party), owner=account, policy__vanished_at=None, policy__function__vanished_at=None
    ).values_list("policy__function_id", "latent", "not_safe")
    found = list(ways)
    usable = {function for function, latent, _ in found if not latent}
    return Reached(
        len(usable),
        len({function for function, _, not_safe in found if not_safe}),
        len({function for function, *_ in found} - usable),
    )


def also_as_everyone(account: Account, party: Key) -> int:
    """How many further functions an account, role or user is let into only because everyone is. One query."""
    found = Function.objects.filter(_with_way(account, Q(kind="everyone", latent=False)), account=account, vanished_at=None)
    return found.exclude(_with_way(account, _of_party(party))).count()


def _of_party(key: Key) -> Q:
    kind, principal = key
    if kind == "account":
        return Q(kind__in=("account", "identity"), account=principal)
    if kind in ("everyone", "ghost") and principal == "*":
        return Q(kind=kind)
    return Q(kind=kind, principal=principal)


def in_view(page: Sequence[Function], asked: Asked) -> InView:
    """What stands in the rows of these functions."""
    shown = _forms(page)
    by_policy: dict[uuid.UUID, list[Way]] = {}
    ways = Exposure.objects.filter(policy__in=list(shown)).order_by("pk")
    for key, *rest in ways.values_list(*_WAY):
        by_policy.setdefault(key, []).append(Way(*rest))
    proved = proofs(form.policy for form in shown.values())
    for pk, form in shown.items():
        _fill(form, by_policy.get(pk, []), proved, asked)
    forms = _kept(page, shown, asked)
    accounts = {way.key: way.account for found in by_policy.values() for way in found}
    return InView(tuple(forms), _columns(forms, accounts))


def _forms(page: Sequence[Function]) -> dict[uuid.UUID, Form]:
    by_function = {function.pk: function for function in page}
    targets: dict[tuple[uuid.UUID, str], Qualifier] = {
        (one.function_id, one.name): one for one in Qualifier.objects.filter(function__in=list(by_function), vanished_at=None)
    }
    found = {}
    policies = Policy.objects.filter(function__in=list(by_function), vanished_at=None).select_related("current")
    for policy in sorted(policies, key=lambda one: order_of_places(one.qualifier)):
        policy.function = by_function[policy.function_id]
        target = targets.get((policy.function_id, policy.qualifier))
        found[policy.pk] = Form(policy, words_of_place(policy.qualifier, target))
    return found


def _fill(form: Form, ways: list[Way], proved: Proofs, asked: Asked) -> None:
    text = form.policy.current.document if form.policy.current else ""
    if "deny" in text.lower() or "\\u" in text:
        form.denies = denies(parse(text))
    of_policy = cells(ways, denied=form.denies.named, stale=form.stale)
    for key, cell in of_policy.items():
        proof = proved.get((form.policy.pk, key))
        form.cells[key] = replace(cell, proof=proof) if proof else cell
    accounts = {way.key: way.account for way in ways}
    keep = _filter(asked, accounts)
    form.cells = {key: cell for key, cell in form.cells.items() if keep(key, cell)}
    if asked.through:
        candidates = {*form.cells, *([asked.party] if asked.party and asked.party[0] == "account" else [])}
        for key in candidates:
            number = account_of(key, accounts.get(key, ""))
            wider = expanded(key, form.cells.get(key), of_policy, number=number, members=asked.members)
            if wider is not None:
                form.cells[key] = wider


def _filter(asked: Asked, accounts: dict[Key, str]) -> Callable[[Key, Cell], bool]:
    def keep(key: Key, cell: Cell) -> bool:
        if asked.kind and key[0] != asked.kind:
            return False
        if asked.party and not _belongs(key, accounts.get(key, ""), asked.party):
            return False
        if asked.show == "unsafe" and cell.safe:
            return False
        return not (asked.unproved and cell.proved)

    return keep


def _belongs(key: Key, account: str, wanted: Key) -> bool:
    if wanted[0] == "account":
        return key == wanted or (key[0] in ("account", "identity") and account_of(key, account) == wanted[1])
    return key == wanted or (wanted[1] == "*" and key[0] == wanted[0])


def account_of(key: Key, account: str = "") -> str:
    """Whose principal it is, where that is fixed: also for one that only a Deny names."""
    if account:
        return account
    kind, principal = key
    if kind == "account":
        return principal
    parts = principal.split(":")
    return parts[4] if kind == "identity" and len(parts) > 5 and len(parts[4]) == 12 else ""


def _kept(page: Sequence[Function], shown: dict[uuid.UUID, Form], asked: Asked) -> list[Form]:
    """Forms with something to show, or one quiet row for a function without any; the rest folded, with its number."""
    by_function: dict[uuid.UUID, list[Form]] = {}
    for form in shown.values():
        by_function.setdefault(form.policy.function_id, []).append(form)
    kept: list[Form] = []
    for function in page:
        forms = by_function.get(function.pk, [])
        telling = [form for form in forms if form.cells or form.unread or form.denies.for_all]
        if asked.show == "unsafe":
            telling = [form for form in forms if form.cells]
        if not telling:
            telling = forms[:1]
        kept += telling[:MOST_FORMS]
        if len(telling) > MOST_FORMS:
            kept[-1].folded = len(telling) - MOST_FORMS
    return kept


def _columns(forms: Iterable[Form], accounts: dict[Key, str]) -> tuple[tuple[str, str, str], ...]:
    """An account stands before its roles and users; among accounts, those with the most rows come first."""
    counts: dict[Key, int] = {}
    for form in forms:
        for key in form.cells:
            counts[key] = counts.get(key, 0) + 1
    group: dict[str, int] = {}
    for key, many in counts.items():
        whose = account_of(key, accounts.get(key, "")) if key[0] in ("account", "identity") else ""
        group[whose] = group.get(whose, 0) + many

    def order(key: Key) -> tuple[int, int, str, bool, int, str]:
        kind, principal = key
        whose = account_of(key, accounts.get(key, "")) if kind in ("account", "identity") else ""
        return RANKS.get(kind, UNKNOWN_RANK), -group[whose] if whose else 0, whose, kind == "identity", -counts[key], principal

    return tuple((*key, account_of(key, accounts.get(key, ""))) for key in sorted(counts, key=order))


def named(columns: Iterable[tuple[str, str, str]], *, owner: Account, trust: Trust) -> list[Party]:
    """The columns of one page, with names and zones. One query."""
    columns = list(columns)
    names = Names.of(account for _, _, account in columns)
    return [
        party(kind, principal, account, names=names, trust=trust, owners=(owner.number,))
        for kind, principal, account in columns
    ]
