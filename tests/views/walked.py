"""Every address with the ids of rows that exist, and what hostile people put into addresses and forms."""

import importlib
import pkgutil
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django import forms
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

import sharing.forms
import sharing.views
from sharing.models import (
    AccessRequest,
    Actor,
    Bulk,
    BulkItem,
    BulkPlace,
    Group,
    GroupMember,
    Invocation,
    LayerGrant,
    LayerVersion,
    Mapping,
    MappingChange,
    Membership,
    Offboarding,
    OffboardingItem,
    Purpose,
    Role,
    Trusted,
    Wiring,
    WiringStep,
)
from sharing.services import inviting
from tests import factories
from tests.services.kept import ACME, allow, kept

#: Some of everything that breaks programs: NUL, half a surrogate, numbers beyond all columns, digits of other scripts, other
#: people's syntax, a text without end.
HOSTILE: Final = (
    "\x00",
    "\udcff",
    "9" * 40,
    "-1",
    "1e999",
    "²",
    "٣٤",
    "00000000-0000-0000-0000-00000000000g",
    "{00000000000000000000000000000007}",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "'; DROP TABLE x; --",
    "%s%(x)s{0}{}",
    "=HYPERLINK(1)",
    "arn:aws:lambda:us-east-1:１１１１２２２２３３３３:function:x",
    "arn:aws:iam::444455556666:role/\x00",
    "9999-99-99",
    "0001-01-01T00:00",
    "2026-02-30",
    "[" * 500,
    "account:",
    "\r\nSet-Cookie: a=b",
    "\u202e\ufeff",
    "",
    "x" * 5_000,
)
#: Parameters that views read by names that stand in tables, not beside `GET`.
ELSEWHERE: Final = {"page", "sort", "state", "exposure", "verdict", "by", "with", "rule", "severity", "reach", "owner", "code"}


def names() -> list[str]:
    """Every parameter that any view or form reads."""
    found = set(ELSEWHERE)
    for path in Path(sharing.views.__path__[0]).rglob("*.py"):
        found |= set(re.findall(r"(?:GET|POST)(?:\.get|\.getlist)?[\(\[]\"([a-z_-]+)\"", path.read_text()))
    for form in form_classes():
        found |= set(form.base_fields)
    return sorted(found)


def form_classes() -> list[type[forms.Form]]:
    """Every form of ours."""
    found: dict[str, type[forms.Form]] = {}
    for module in pkgutil.iter_modules(sharing.forms.__path__):
        for one in vars(importlib.import_module(f"sharing.forms.{module.name}")).values():
            if isinstance(one, type) and issubclass(one, forms.Form) and one.__module__.startswith("sharing.forms"):
                found[f"{one.__module__}.{one.__qualname__}"] = one
    return [found[name] for name in sorted(found)]


@contextmanager
def undone() -> Iterator[None]:
    """What a request wrote is taken back, so that the next one finds the same rows and sessions."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Story:
    """One row of everything that has an address: an owner's account Platform with what it shares, and Acme, a consumer's."""

    def __init__(self) -> None:
        now = timezone.now()
        self.function = factories.shareable("ledger-export-7")
        self.account = self.function.account
        self.policy = kept(self.function, allow(ACME), allow("*"), allow("s3.amazonaws.com"))
        self.acme = factories.account("Acme Retail", ACME)
        self.owner = factories.person(Role.OWNER, email="robin@example.com", accounts=[self.account])
        self.consumer = factories.person(Role.CONSUMER, email="jo@example.com")
        self.membership: Membership = factories.membership(self.consumer, self.acme)
        self.grant = factories.grant(self.function, ACME, requested_by=self.owner)
        self.finding = factories.finding(self.function)
        self.organization = factories.organization(ACME)
        self.door = factories.connection(self.account, Purpose.INVOKER)
        by = Actor.of(self.owner)
        self.invitation = inviting.invite("dev@acme.example", offers=[inviting.Offer(self.policy)], by=by)
        self.token = inviting.renew(self.invitation)
        layer = f"arn:aws:lambda:us-east-1:{self.account.number}:layer:image-tools:1"
        self.layer = LayerVersion.objects.create(
            account=self.account, region="us-east-1", name="image-tools", number=1, arn=layer, read_at=now
        )
        self.layer_grant = LayerGrant.objects.create(
            layer=self.layer,
            principal_kind="account",
            principal=ACME,
            principal_account=ACME,
            statement={},
            sid="s1",
            reason="because",
            requested_as="x",
            state="active",
        )
        queue = f"arn:aws:sqs:us-east-1:{ACME}:orders"
        self.mapping = Mapping.objects.create(
            function=self.function, source_arn=queue, source_account=ACME, state="Enabled", read_at=now
        )
        self.change = MappingChange.objects.create(
            kind="pause", function=self.function, mapping=self.mapping, source_arn=queue, requested_as="x", state="failed"
        )
        self.wish = AccessRequest.objects.create(
            person=self.consumer,
            account=self.acme,
            asked_for=self.function.arn,
            policy=self.policy,
            action="lambda:InvokeFunction",
            reason="OPS-1",
        )
        self.invocation = Invocation.objects.create(
            policy=self.policy, connection=self.door, person=self.owner, payload="{}", wipe_at=now + timedelta(minutes=5)
        )
        self.offboarding = Offboarding.objects.create(
            number=ACME, reason="They left", requested_by=self.owner, requested_as="x", form_token=uuid.uuid4().hex
        )
        OffboardingItem.objects.create(
            offboarding=self.offboarding, position=1, kind="grant", sentence="Acme may invoke.", grant=self.grant
        )
        unit = factories.unit(self.organization, "ou-ab12-11111111", ACME, name="Shops")
        self.group = Group.objects.create(name="The Acmes", created_as="x", unit=unit)
        GroupMember.objects.create(group=self.group, number=ACME)
        self.bulk = Bulk.objects.create(title="Many", requested_by=self.owner, requested_as="x", judged_at=now)
        place = BulkPlace.objects.create(bulk=self.bulk, policy=self.policy, number=1)
        BulkItem.objects.create(
            bulk=self.bulk,
            number=1,
            place=place,
            function=self.function.arn,
            who=ACME,
            action="lambda:InvokeFunction",
            verdict="ok",
        )
        self.wiring = Wiring.objects.create(
            function=self.function,
            kind="sqs",
            source_arn=queue,
            source_account=ACME,
            source_region="us-east-1",
            requested_by=self.owner,
            requested_as="x",
        )
        self.step = WiringStep.objects.create(
            wiring=self.wiring, position=1, key="source-policy", side="source", account=ACME, ours=False, state="asked"
        )
        self.trusted = Trusted.objects.create(kind="account", value=ACME, added_as="x")

    def kwargs(self, route: str, names: Iterator[str] | list[str]) -> dict[str, Any]:
        """What the address of a route takes, of rows that exist."""
        rows = {
            "functions/bulk/": self.bulk,
            "consumers/groups/": self.group,
            "shared/wirings/": self.wiring,
            "mappings/wirings/steps/": self.step,
            "mappings/wirings/": self.wiring,
            "functions/invocations/": self.invocation,
            "functions/": self.function,
            "policies/": self.policy,
            "grants/": self.grant,
            "access/statement/": self.policy,
            "access/matrix/": self.policy,
            "consumers/invitations/": self.invitation,
            "consumers/requests/": self.wish,
            "consumers/offboardings/": self.offboarding,
            "consumers/": self.membership,
            "shared/invocations/": self.invocation,
            "shared/grants/": self.grant,
            "shared/accounts/": self.acme,
            "shared/requests/": self.wish,
            "shared/": self.policy,
            "layers/grants/": self.layer_grant,
            "layers/": self.layer,
            "mappings/changes/": self.change,
            "mappings/": self.mapping,
            "findings/": self.finding,
            "settings/accounts/": self.account,
            "settings/connections/": self.door,
            "settings/organisations/": self.organization,
            "settings/trust/": self.trusted,
            "settings/people/": self.owner,
        }
        row = next((row for begin, row in rows.items() if route.startswith(begin)), None)
        version = self.policy.current_id if route.startswith(("policies/", "access/")) else 1
        known = {
            "pk": row.pk if row is not None else 1,
            "version": version,
            "content": version,
            "index": 1,
            "key": "s0",
            "number": ACME,
            "token": self.token,
            "code": "open-service",
            "name": "mail",
            "session": 1,
            "membership": self.membership.pk,
            "uidb36": "abc",
        }
        if "uidb36" in names:
            known["key"] = "set-password"
        return {name: known[name] for name in names}


NONSENSE: Final[dict[str, Any]] = {
    "pk": uuid.UUID(int=7),
    "version": 10**30,
    "content": 10**30,
    "index": 10**30,
    "key": "²\u202e%00",
    "number": "１１１１２２２２３３３３",
    "token": "x" * 2_000,
    "code": "none-such",
    "name": "none-such",
    "session": 10**30,
    "membership": uuid.UUID(int=7),
    "uidb36": "9" * 60,
}


def patterns() -> list[URLPattern]:
    """Every route; a route without a name fails."""

    def walk(found: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
        for pattern in found:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns)
            else:
                assert pattern.name, f"{pattern.pattern} has no name"
                yield pattern

    return list(walk(get_resolver().url_patterns))


def addresses(story: Story | None) -> list[tuple[str, str]]:
    """Name and address of every route: of the story's rows, or without it of rows that do not exist."""
    found = []
    for pattern in patterns():
        wanted = list(pattern.pattern.regex.groupindex)
        if story is not None:
            kwargs = story.kwargs(str(pattern.pattern), wanted)
        else:
            kwargs = {name: NONSENSE[name] for name in wanted}
            if type(pattern.pattern.converters.get("pk")).__name__ == "IntConverter":
                kwargs["pk"] = 10**30
        found.append((pattern.name or "", reverse(pattern.name, kwargs=kwargs)))
    return found
