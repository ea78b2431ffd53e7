"""Consumers as the owners' side sees them: who is listed, with what, for whom; and what can be done about one."""

import importlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.apps import apps
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Event,
    GrantState,
    Invitation,
    InvitationItem,
    KeptConsumer,
    Policy,
    Purpose,
    Role,
    Verdict,
)
from sharing.services import consumers, trusting
from sharing.services.consumers import Asked, Consumer, Kind
from sharing.services.consumers.telling import grants, others_named
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.proofs import EVERY, WORST_FIRST, Standing
from tests import factories
from tests.services.kept import ACME, GLOBEX, INITECH, ORGANIZATION, allow, counted, kept, owner

pytestmark = pytest.mark.django_db

SYSTEM = Actor.system()
NOW = timezone.now()
DATADOG = "464622532012"


def numbers(by: Actor = SYSTEM) -> set[str]:
    return {one.number for one in consumers.listed(by=by)}


def one(number: str = ACME, by: Actor = SYSTEM) -> Consumer:
    found = consumers.find(number, by=by)
    assert found is not None
    return found


def invitation(policy: Policy, **fields: Any) -> Invitation:
    fields = {"email": "jo@example.com", "expires_at": NOW + timedelta(days=7), "created_as": "x", **fields}
    made = Invitation.objects.create(**fields)
    InvitationItem.objects.create(invitation=made, policy=policy, action="lambda:InvokeFunction")
    return made


def only(*accounts: Account, role: str = Role.OWNER) -> Actor:
    return Actor.of(factories.person(role, accounts=list(accounts)))


class TestWhoIsListed:
    def test_whoever_is_shared_with_or_invited_or_proved(self) -> None:
        platform = owner()
        kept(factories.function("named", platform), allow(ACME))
        kept(factories.function("by-role", platform), allow(f"arn:aws:iam::{GLOBEX}:role/app"))
        counted()
        factories.grant(to=INITECH)
        invited = invitation(factories.function().policies.get(), number="444400000001")
        checker = factories.connection(None, Purpose.CHECKER)
        member = factories.membership()
        expected = {ACME, GLOBEX, INITECH, invited.number, checker.account.number, member.account.number}
        assert numbers() == expected
        for number in expected:
            assert one(number).number == number

    def test_the_owner_itself_is_no_consumer_but_another_owner_is(self) -> None:
        platform, other = owner("Platform"), owner("Other")
        kept(factories.function("f", platform), allow(platform.number), allow(other.number))
        counted()
        assert numbers() == {other.number}
        assert one(other.number).zone == "owner"

    def test_everyone_organisations_and_services_are_no_accounts(self) -> None:
        platform = owner()
        kept(factories.function("f", platform), allow("*"), allow(ORGANIZATION), allow("s3.amazonaws.com"))
        counted()
        assert numbers() == set()

    def test_what_is_over_is_not_listed_but_found_by_its_digits(self) -> None:
        factories.grant(to=ACME, state=GrantState.REVOKED)
        assert numbers() == set()
        assert one(ACME).shares.live == 0

    def test_what_nothing_is_about_is_not_found(self) -> None:
        factories.account("Stranger", GLOBEX)
        assert consumers.find(GLOBEX, by=SYSTEM) is None

    def test_an_ended_membership_and_an_old_invitation_do_not_list(self) -> None:
        factories.membership(ended_at=NOW)
        invitation(factories.function().policies.get(), number=GLOBEX, expires_at=NOW - timedelta(days=1))
        assert numbers() == set()


class TestScope:
    def test_an_owner_sees_only_what_reaches_functions_of_their_accounts(self) -> None:
        mine, theirs = owner("Mine"), owner("Theirs")
        kept(factories.function("a", mine), allow(ACME))
        kept(factories.function("b", theirs), allow(ACME), allow(GLOBEX))
        kept(factories.function("c", theirs), allow(ACME))
        counted()
        factories.grant(factories.function("d", theirs), to=ACME)
        factories.grant(factories.function("e", theirs), to=INITECH)
        for role in (Role.OWNER, Role.AUDITOR):
            by = only(mine, role=role)
            assert numbers(by) == {ACME}
            assert one(ACME, by).reach.functions == 1
            assert one(ACME, by).shares.live == 0
            assert consumers.find(GLOBEX, by=by) is None
            assert consumers.find(INITECH, by=by) is None
        assert one(ACME).reach.functions == 3

    def test_people_and_proof_are_told_to_those_who_share_with_the_account_only(self) -> None:
        mine, theirs = owner("Mine"), owner("Theirs")
        acme = factories.account("Acme", ACME)
        factories.membership(None, acme)
        factories.connection(acme, Purpose.CHECKER, tested_at=NOW, proof_due_at=NOW + EVERY)
        kept(factories.function("b", theirs), allow(ACME))
        counted()
        assert numbers(only(mine)) == set()
        assert one(ACME, only(theirs)).people == 1
        assert one(ACME, only(theirs)).proof.standing is Standing.PROVED

    def test_invitations_with_functions_of_others_are_theirs(self) -> None:
        mine, theirs = owner("Mine"), owner("Theirs")
        invitation(factories.function("a", theirs).policies.get(), number=ACME)
        assert numbers(only(mine)) == set()
        assert one(ACME, only(theirs)).invited == 1

    def test_a_consumer_and_somebody_who_left_see_nobody(self) -> None:
        factories.grant(to=ACME)
        gone = factories.person(Role.OWNER)
        gone.is_active = False
        gone.save()
        assert numbers(Actor.of(gone)) == set()
        assert numbers(Actor.of(factories.person(Role.CONSUMER))) == set()

    def test_the_page_of_one_keeps_to_the_scope(self) -> None:
        mine, theirs = owner("Mine"), owner("Theirs")
        kept(factories.function("a", mine), allow(ACME))
        kept(factories.function("b", theirs), allow(f"arn:aws:iam::{ACME}:role/secret-role"))
        counted()
        factories.grant(factories.function("d", theirs), to=ACME)
        by = only(mine)
        told = consumers.tell(one(ACME, by), by=by)
        assert told.roles == []
        assert [line.function_name for group in told.answer.groups for line in group.lines] == ["a"]
        assert not grants(ACME, by=by).exists()
        assert all("secret-role" not in str(entry) for entry in told.story.entries)


class TestARow:
    def test_reach_is_counted_with_what_depends_as_not_safe(self) -> None:
        platform = owner()
        kept(factories.function("a", platform), allow(ACME), allow(f"arn:aws:iam::{ACME}:role/app"))
        kept(factories.function("b", platform), allow(ACME, StringEquals={"aws:SomethingUnusual": "x"}))
        counted()
        reach = one().reach
        assert reach.functions == 2
        assert reach.depends <= reach.not_safe

    def test_shares_with_their_verdicts_and_next_end(self) -> None:
        soon = NOW + timedelta(days=3)
        factories.grant(to=ACME, verdict=Verdict.ALLOWED, checked_at=NOW, ends_at=soon)
        factories.grant(to=ACME, verdict=Verdict.DENIED, checked_at=NOW - timedelta(days=1))
        factories.grant(to=ACME, state=GrantState.PENDING)
        factories.grant(to=ACME, state=GrantState.REVOKED, verdict=Verdict.ALLOWED)
        shares = one().shares
        assert (shares.live, shares.ending, shares.ends_at, shares.checked_at) == (3, 1, soon, NOW)
        assert shares.verdicts == {Verdict.ALLOWED: 1, Verdict.DENIED: 1}

    def test_trust_colours(self) -> None:
        factories.grant(to=ACME)
        assert one().zone == "outside"
        trusting.add(ACME, by=SYSTEM)
        assert one().zone == "trusted"

    def test_what_waits_for_the_owner_is_counted(self) -> None:
        acme = factories.account("Acme", ACME)
        invitation(
            factories.function().policies.get(), state="accepted", account=acme, proof="role", proved_at=NOW,
            accepted_at=NOW, accepted_by=factories.person(Role.CONSUMER),
        )  # fmt: skip
        assert (one().invited, one().to_confirm) == (0, 1)

    def test_the_number_of_queries_does_not_grow(self, django_assert_max_num_queries: Any) -> None:
        for place in range(30):
            factories.grant(to=f"{500_000_000_000 + place}")
        with django_assert_max_num_queries(14):
            assert len(list(consumers.listed(by=SYSTEM))) == 30


class TestTheList:
    def listed(self, **asked: Any) -> list[str]:
        return [found.label for found in consumers.listed(Asked(**asked), by=SYSTEM)]

    def made(self) -> None:
        for name, number in (("Acme", ACME), ("Globex", GLOBEX), ("Initech", INITECH)):
            factories.account(name, number)
        factories.grant(to=ACME, ends_at=NOW + timedelta(days=2), verdict=Verdict.DENIED)
        factories.grant(to=GLOBEX)
        factories.grant(to=INITECH)
        factories.grant(to="464622532012")
        factories.connection(Account.objects.get(number=GLOBEX), Purpose.CHECKER, tested_at=NOW, proof_due_at=NOW + EVERY)
        factories.connection(
            Account.objects.get(number=INITECH), Purpose.CHECKER, state=ConnectionState.REFUSED, proof_failed_since=NOW
        )
        trusting.add(ACME, by=SYSTEM)

    def test_those_with_a_name_come_first_by_name(self) -> None:
        self.made()
        assert self.listed() == ["Acme", "Globex", "Initech", "Unknown account"]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("glo", ["Globex"]),
            ("GLOBEX", ["Globex"]),
            ("1111 2222", ["Acme"]),
            ("1111-2222-3333", ["Acme"]),
            ("datadog", ["Unknown account"]),
            ("vendor: public", ["Unknown account"]),
            ("nobody", []),
            ("%", []),
        ],
    )
    def test_search(self, text: str, expected: list[str]) -> None:
        self.made()
        assert self.listed(text=text) == expected

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            (Kind.PROVED, ["Globex"]),
            (Kind.NOT_PROVED, ["Acme", "Initech", "Unknown account"]),
            (Kind.FAILED, ["Initech"]),
            (Kind.ENDING, ["Acme"]),
            (Kind.OUTSIDE, ["Globex", "Initech", "Unknown account"]),
            (Kind.DENIED, ["Acme"]),
            (Kind.UNSAFE, []),
            (Kind.INVITED, []),
        ],
    )
    def test_filters(self, kind: Kind, expected: list[str]) -> None:
        self.made()
        assert self.listed(kind=kind) == expected

    def test_orders(self) -> None:
        self.made()
        assert self.listed(order="proof")[0] == "Initech"
        assert self.listed(order="ends")[0] == "Acme"
        assert all(len(self.listed(order=order)) == 4 for order in consumers.ORDERS)


class TestTheDatabase:
    """Who is listed, and in which order, is decided there: here by what the rows say once they are made whole."""

    KINDS: ClassVar[dict[Kind, Callable[[Consumer], bool]]] = {
        Kind.PROVED: lambda one: one.proof.standing is Standing.PROVED,
        Kind.NOT_PROVED: lambda one: one.proof.standing is not Standing.PROVED,
        Kind.FAILED: lambda one: one.proof.standing is Standing.FAILED,
        Kind.ENDING: lambda one: bool(one.shares.ending),
        Kind.OUTSIDE: lambda one: one.zone == "outside",
        Kind.UNSAFE: lambda one: bool(one.reach.not_safe),
        Kind.DENIED: lambda one: bool(one.shares.verdicts.get(Verdict.DENIED)),
        Kind.INVITED: lambda one: bool(one.invited or one.to_confirm),
    }
    NEVER, LONG_AGO = datetime(9000, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)
    ORDERS: ClassVar[dict[str, Callable[[Consumer], Any]]] = {
        "name": lambda one: 0,
        "functions": lambda one: (-one.reach.functions, -one.reach.latent),
        "unsafe": lambda one: -one.reach.not_safe,
        "proof": lambda one: WORST_FIRST.index(one.proof.standing),
        "ends": lambda one: one.shares.ends_at or TestTheDatabase.NEVER,
        "checked": lambda one: -(one.shares.checked_at or TestTheDatabase.LONG_AGO).timestamp(),
    }

    def made(self) -> Actor:
        """Accounts of every sort, and somebody who sees one of the two owner accounts."""
        mine, theirs = owner("Mine"), owner("Theirs")
        odd: dict[str, Any] = {"StringEquals": {"aws:SomethingUnusual": "x"}}
        kept(factories.function("a", mine), allow(ACME), allow(mine.number), allow(DATADOG, **odd))
        kept(factories.function("b", mine), allow(ACME), allow(theirs.number, "InvokeFunctionUrl"))
        kept(factories.function("c", theirs), allow(GLOBEX, **odd), allow(DATADOG), allow(mine.number), allow("*"))
        counted()
        mine_, theirs_ = factories.function("d", mine), factories.function("e", theirs)
        soon, late = NOW + timedelta(days=2), NOW + timedelta(days=99)
        factories.grant(mine_, to=INITECH, ends_at=soon, verdict=Verdict.DENIED, checked_at=NOW)
        factories.grant(mine_, to=ACME, ends_at=late, checked_at=NOW - timedelta(days=1))
        factories.grant(mine_, to=GLOBEX)
        factories.grant(theirs_, to=ACME, ends_at=soon, state=GrantState.REVOKING)
        factories.grant(theirs_, to="500000000001", ends_at=soon, checked_at=NOW)
        factories.grant(theirs_, to="500000000002", state=GrantState.REVOKED, verdict=Verdict.DENIED)
        invitation(mine_.policies.get(), number="500000000003")
        invitation(theirs_.policies.get(), number="500000000004")
        invitation(theirs_.policies.get(), number="500000000005", expires_at=NOW - timedelta(days=1))
        initech, zora = factories.account("initech", INITECH), factories.account("\u017dora \u00c4G", "500000000006")
        invitation(
            theirs_.policies.get(), state="accepted", account=zora, proof="organization", proved_at=NOW,
            accepted_at=NOW, accepted_by=factories.person(Role.CONSUMER),
        )  # fmt: skip
        factories.organization(zora.number)
        factories.membership(None, initech)
        factories.connection(factories.account("Beta", GLOBEX), Purpose.CHECKER, proof_due_at=NOW + EVERY)
        factories.connection(factories.account("alpha", "500000000007"), Purpose.CHECKER, proof_due_at=NOW - EVERY)
        factories.connection(initech, Purpose.CHECKER, state=ConnectionState.REFUSED, proof_failed_since=NOW)
        trusting.add(ACME, by=SYSTEM)
        return only(mine)

    def test_it_says_what_the_rows_say(self) -> None:
        some = self.made()
        for by, many in ((SYSTEM, 11), (some, 6)):
            every = list(consumers.listed(by=by))
            assert [one.number for one in every] == [
                one.number for one in sorted(every, key=lambda one: (one.account is None, one.label.casefold(), one.number))
            ]
            assert len(every) == consumers.listed(by=by).many == many
            totals = consumers.totals(by=by)
            assert totals.failing == sum(one.proof.standing is Standing.FAILED for one in every) == 1
            assert totals.every == many
            for kind, is_one in self.KINDS.items():
                found = consumers.listed(Asked(kind=kind), by=by)
                assert list(found) == [one for one in every if is_one(one)], kind
                assert found.many == len(found[:50]) > 0, kind
            for order, key in self.ORDERS.items():
                assert list(consumers.listed(Asked(order=order), by=by)) == sorted(every, key=key), order
            assert consumers.listed(Asked(order="functions"), by=by)[1:3] == sorted(every, key=self.ORDERS["functions"])[1:3]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("\u017eORA", ["\u017dora \u00c4G"]),
            ("\u00e4g \u017e", ["\u017dora \u00c4G"]),
            ("unknown 500000000001", ["Unknown account"]),
            ("unknown datadog 4646", ["Unknown account"]),
            ("beta datadog", []),
            ("%", []),
            ("_", []),
            ("a" * 400, []),
            (" ".join(f"{place:02}" for place in range(99)), []),
            (" ".join(map(chr, range(97, 123))), []),
        ],
    )
    def test_search(self, text: str, expected: list[str]) -> None:
        self.made()
        assert [one.label for one in consumers.listed(Asked(text=text), by=SYSTEM)] == expected

    def test_whoever_comes_up_is_kept_and_called_as_the_account_is(self) -> None:
        def called(number: str) -> str:
            return KeptConsumer.objects.get(number=number).name

        factories.grant(to=ACME)
        assert called(ACME) == "unknown account"
        account = factories.account("\u00c4cme", ACME)
        assert called(ACME) == "\u00e4cme"
        factories.grant(to=ACME)
        assert called(ACME) == "\u00e4cme"
        consumers.give_name(ACME, "Acme Retail", by=SYSTEM)
        assert called(ACME) == "acme retail"
        account.partition = "aws-cn"
        account.save(update_fields=["partition"])
        assert called(ACME) == "acme retail"
        Account.objects.bulk_create([Account(name="Globex", number=GLOBEX)])
        assert called(GLOBEX) == "globex"

    def test_an_upgrade_keeps_the_same_rows(self) -> None:
        self.made()
        before = list(KeptConsumer.objects.values_list("number", "nameless", "name"))
        KeptConsumer.objects.all().delete()
        importlib.import_module("sharing.migrations.0033_consumers_listed").keep(apps, None)
        assert list(KeptConsumer.objects.values_list("number", "nameless", "name")) == before


class TestOneAccount:
    def test_it_tells_what_it_reaches_through_what_and_who_else_is_in_the_list(self) -> None:
        platform = owner()
        kept(factories.function("direct", platform), allow(ACME))
        kept(
            factories.function("listed", platform),
            allow({"AWS": [f"arn:aws:iam::{number}:root" for number in (ACME, GLOBEX, INITECH)]}),
        )
        kept(factories.function("role", platform), allow(f"arn:aws:iam::{ACME}:role/app"))
        kept(factories.function("all", platform), allow("*"))
        kept(factories.function("org", platform), allow(ORGANIZATION))
        counted()
        told = consumers.tell(one(), by=SYSTEM)
        groups = {group.key: group for group in told.answer.groups}
        assert {"everyone", "organization", "own"} <= set(groups)
        assert {line.function_name: others_named(line) for line in groups["own"].lines} == {"direct": 0, "listed": 2, "role": 0}
        assert [(role.principal, role.functions) for role in told.roles] == [(f"arn:aws:iam::{ACME}:role/app", 1)]
        assert told.answer.not_looked_at

    def test_of_many_roles_the_first_are_told_and_how_many_there_are_besides(self) -> None:
        on = factories.function("f", owner())
        kept(on, allow({"AWS": [f"arn:aws:iam::{ACME}:role/r{place:02}" for place in range(53)]}))
        counted()
        told = consumers.tell(one(), by=SYSTEM)
        assert [role.principal[-3:] for role in told.roles] == [f"r{place:02}" for place in range(50)]
        assert told.roles_more == 3

    def test_nothing_is_said_together_with_what_was_not_looked_at(self) -> None:
        factories.grant(to=ACME, state=GrantState.REVOKED)
        answer = consumers.tell(one(), by=SYSTEM).answer
        assert "No policy that was read lets" in answer.sentences[0]
        assert answer.not_looked_at

    def test_shares_that_are_over_are_apart(self) -> None:
        live, over = factories.grant(to=ACME), factories.grant(to=ACME, state=GrantState.EXPIRED)
        assert list(grants(ACME, by=SYSTEM)) == [live]
        assert list(grants(ACME, by=SYSTEM, over=True)) == [over]


class TestNaming:
    def test_digits_become_an_account_once(self) -> None:
        factories.grant(to=ACME)
        by = Actor.of(factories.person(Role.OWNER))
        account = consumers.give_name(ACME, "  Acme   Retail ", by=by)
        assert (account.name, account.number, account.partition) == ("Acme Retail", ACME, "aws")
        assert consumers.give_name(ACME, "Acme Retail", by=by) == account
        assert list(Event.objects.filter(account=account).values_list("verb", flat=True)) == ["account.named"]

    def test_another_name_is_an_event(self) -> None:
        factories.grant(to=ACME)
        factories.account("Acme", ACME)
        consumers.give_name(ACME, "Acme Retail", by=Actor.of(factories.person(Role.OWNER)))
        assert Event.objects.get(verb="account.renamed").text == "“Acme” is now called “Acme Retail”"

    def test_who_may(self) -> None:
        mine = owner("Mine")
        factories.grant(factories.function("f", mine), to=ACME)
        scoped = only(mine)
        with pytest.raises(NotPermitted):
            consumers.give_name(ACME, "X", by=only(mine, role=Role.AUDITOR))
        with pytest.raises(NotFound):
            consumers.give_name(ACME, "X", by=only(owner("Other")))
        consumers.give_name(ACME, "X", by=scoped)
        with pytest.raises(NotPermitted):  # it has a name now, and is not in their scope
            consumers.give_name(ACME, "Y", by=scoped)
        assert Account.objects.get(number=ACME).name == "X"

    @pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b"])
    def test_it_needs_a_name(self, name: str) -> None:
        factories.grant(to=ACME)
        with pytest.raises(Refusal, match="needs a name"):
            consumers.give_name(ACME, name, by=SYSTEM)
        assert not Account.objects.filter(number=ACME).exists()

    @pytest.mark.parametrize("number", ["12", "١٢٣٤٥٦٧٨٩٠١٢", "11112222333x", ""])
    def test_only_twelve_digits_are_an_account(self, number: str) -> None:
        with pytest.raises(NotFound):
            consumers.give_name(number, "X", by=SYSTEM)


class TestProvingAgain:
    def role(self, **fields: Any) -> Connection:
        platform = owner("Mine")
        factories.grant(factories.function("f", platform), to=ACME)
        return factories.connection(factories.account("Acme", ACME), Purpose.CHECKER, **fields)

    def test_an_owner_who_shares_with_it_asks_though_it_is_not_in_their_scope(self) -> None:
        role = self.role()
        by = only(Account.objects.get(name="Mine"))
        wanted = consumers.prove_again(ACME, by=by).test_wanted_at
        assert wanted is not None
        assert consumers.prove_again(ACME, by=by).test_wanted_at == wanted
        assert Event.objects.filter(verb="proof.requested", account=role.account).count() == 1

    def test_who_may_not(self) -> None:
        self.role()
        with pytest.raises(NotPermitted):
            consumers.prove_again(ACME, by=only(Account.objects.get(name="Mine"), role=Role.AUDITOR))
        with pytest.raises(NotFound):
            consumers.prove_again(ACME, by=only(owner("Other")))

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"state": ConnectionState.AWAITED, "role_arn": ""}, "no role of this account"),
            ({"state": ConnectionState.DISCONNECTED}, "no role of this account"),
            ({"state": ConnectionState.PAUSED}, "paused"),
        ],
    )
    def test_there_must_be_a_role_to_try(self, fields: dict[str, Any], words: str) -> None:
        self.role(**fields)
        with pytest.raises(Refusal, match=words):
            consumers.prove_again(ACME, by=SYSTEM)


class TestEndingAMembership:
    def test_an_admin_ends_it_and_nobody_else(self) -> None:
        membership = factories.membership()
        with pytest.raises(NotPermitted):
            consumers.end_membership(membership, by=Actor.of(factories.person(Role.OWNER)))
        consumers.end_membership(membership, by=Actor.of(factories.person(Role.ADMIN)))
        membership.refresh_from_db()
        assert membership.ended_at is not None
        with pytest.raises(NotFound):
            consumers.end_membership(membership, by=SYSTEM)
