"""The other side: what reaches an account, how it is told, checked and given back. Rows for what is seen, the sandbox for
what is done."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Check,
    CheckState,
    Event,
    Function,
    Grant,
    GrantState,
    Membership,
    Occasion,
    Organization,
    OrganizationMember,
    Policy,
    Role,
    User,
    Verdict,
)
from sharing.policy.actions import INVOKE
from sharing.services import checking, consuming, granting, memberships
from sharing.services.consuming import Shared, Side, Way
from sharing.services.errors import NotFound, NotPermitted, Refusal
from tests import factories
from tests.services.estate import Estate
from tests.services.kept import ACME, GLOBEX, ORGANIZATION, allow, kept

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

ROLE = f"arn:aws:iam::{ACME}:role/apps/order-processor"


@pytest.fixture
def acme() -> Account:
    return factories.account("Acme Retail", ACME)


@pytest.fixture
def jo(acme: Account) -> User:
    return factories.acting("jo@example.com", acme)


@pytest.fixture
def function() -> Function:
    return factories.function("label-uploads", factories.account("Platform", "444455556666"))


def side(of: User) -> Side:
    return consuming.side_of(Actor.of(of))


def seen(of: User) -> list[Shared]:
    found = side(of)
    return consuming.page_rows(found, consuming.find(found))


def ways(of: User) -> list[Way]:
    return [way for one in seen(of) for way in one.ways]


def member(acme: Account, organization: str = ORGANIZATION) -> None:
    known = Organization.objects.create(organization_id=organization)
    OrganizationMember.objects.create(organization=known, number=acme.number)


@pytest.mark.parametrize("state", GrantState.values)
def test_a_grant_shows_from_the_click_to_its_end_and_then_among_what_ended(jo: User, function: Function, state: str) -> None:
    grant = factories.grant(function, ACME, state=state, settled_at=timezone.now())
    now = {"pending", "granting", "active", "revoking", "stuck", "suspended"}
    over = {"revoked", "expired", "vanished"}
    assert [way.told for way in ways(jo)] == ([state] if state in now else [])
    assert consuming.ended(side(jo)) == ([grant.pk] if state in over else [])


def test_neither_a_request_that_waits_nor_a_refused_one_was_ever_shared(jo: User, function: Function) -> None:
    for state in (GrantState.REQUESTED, GrantState.FAILED):
        factories.grant(function, ACME, state=state)
    assert seen(jo) == []
    assert consuming.ended(side(jo)) == []


def test_only_the_accounts_that_one_acts_for(jo: User, acme: Account, function: Function) -> None:
    factories.grant(function, GLOBEX)
    other = factories.membership(account_=factories.account("Globex", GLOBEX))
    gone = factories.membership(factories.person(Role.CONSUMER), acme, ended_at=timezone.now())
    factories.grant(factories.function("mine"), ACME)
    assert [one.policy.function.name for one in seen(jo)] == ["mine"]
    assert [one.policy.function.name for one in seen(other.person)] == ["label-uploads"]
    assert seen(gone.person) == []
    assert seen(factories.person(Role.ADMIN)) == []
    User.objects.filter(pk=jo.pk).update(is_active=False)
    jo.refresh_from_db()
    assert seen(jo) == []


def test_a_role_and_a_user_of_the_account_are_named(jo: User, function: Function) -> None:
    factories.grant(function, ACME)
    Grant.objects.update(principal_kind="role", principal=ROLE)
    (way,) = ways(jo)
    assert (way.principal, way.is_account, way.caller) == (ROLE, False, ("order-processor", "role"))


def test_what_was_made_elsewhere_shows_and_cannot_be_given_back(jo: User, function: Function) -> None:
    kept(function, allow(ACME), allow(ROLE, "GetFunction"), allow(GLOBEX), allow("s3.amazonaws.com"))
    assert [(way.action, way.how, way.sure, way.grant, way.is_account) for way in ways(jo)] == [
        (INVOKE, "elsewhere", True, None, True),
        ("lambda:GetFunction", "elsewhere", True, None, False),
    ]


def test_what_a_grant_carries_is_told_once(jo: User, function: Function) -> None:
    kept(function, allow(ACME), allow(ACME, "GetFunction"))
    grant = factories.grant(function, ACME, ends_at=timezone.now() + timedelta(days=9))
    assert [(way.action, way.how, way.until) for way in ways(jo)] == [
        (INVOKE, "grant", grant.ends_at),
        ("lambda:GetFunction", "elsewhere", None),
    ]
    Grant.objects.update(state=GrantState.PENDING)  # AWS does not hold it yet: the stored statement is another's
    assert [(way.action, way.how) for way in ways(jo)].count((INVOKE, "elsewhere")) == 1


def test_a_condition_that_nobody_can_judge_makes_it_a_perhaps(jo: User, function: Function) -> None:
    kept(function, allow(ACME, IpAddress={"aws:SourceIp": "198.51.100.0/24"}))
    (way,) = ways(jo)
    assert not way.sure


def test_everyone_is_nobody_in_particular(jo: User, acme: Account, function: Function) -> None:
    kept(function, allow("*"))
    factories.grant(function, "*", ends_at=timezone.now() + timedelta(days=1))
    Grant.objects.update(principal_kind="everyone", principal_account="")
    member(acme)
    assert seen(jo) == []


def test_an_organisation_counts_only_for_its_known_members(jo: User, acme: Account, function: Function) -> None:
    kept(function, allow(ORGANIZATION))
    assert seen(jo) == []
    member(acme)
    (way,) = ways(jo)
    assert (way.how, way.sure, way.account, way.grant) == ("organisation", True, acme, None)
    OrganizationMember.objects.update(left_at=timezone.now())
    assert seen(jo) == []


def test_an_organisations_grant_tells_its_end_and_is_not_one_accounts_to_give_back(
    jo: User, acme: Account, function: Function
) -> None:
    ends = timezone.now() + timedelta(days=9)
    grant = factories.grant(function, "", ends_at=ends)
    Grant.objects.update(principal_kind="organization", principal=ORGANIZATION)
    member(acme)
    (way,) = ways(jo)
    assert (way.how, way.until, way.told) == ("organisation", ends, "active")
    assert side(jo).grant(grant.pk) is None


def test_calls_by_url_alone_are_told_as_that(jo: User, function: Function) -> None:
    Function.objects.update(urls={"": "AWS_IAM"})
    function.refresh_from_db()
    by_url = {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
    kept(function, allow(ACME, "InvokeFunctionUrl"), {**allow(ACME), "Condition": by_url})
    (found,) = seen(jo)
    assert all(way.by_url for way in found.ways)
    assert found.actions == ["lambda:InvokeFunctionUrl"]
    assert all(way.sure for way in found.ways)


def test_an_accounts_own_functions_are_not_shared_with_it(jo: User, acme: Account) -> None:
    own = factories.function("own", acme)
    kept(own, allow(ROLE))
    factories.grant(own, ACME)
    assert seen(jo) == []


def test_a_function_that_is_gone_is_told_as_gone_while_a_grant_stands(jo: User, function: Function) -> None:
    kept(function, allow(ACME))
    Function.objects.update(vanished_at=timezone.now())
    assert seen(jo) == []
    factories.grant(function, ACME)
    (found,) = seen(jo)
    assert found.gone


def test_searching_and_one_account_of_several(jo: User, acme: Account, function: Function) -> None:
    globex = factories.account("Globex", GLOBEX)
    factories.membership(jo, globex)
    factories.grant(function, ACME)
    factories.grant(factories.function("tax-rates"), GLOBEX)
    everything = side(jo)

    def names(text: str, account: str = "") -> list[str]:
        narrowed = consuming.only(everything, account)
        return [narrowed.places[pk].name for pk in consuming.find(narrowed, text)]

    assert names("") == ["label-uploads", "tax-rates"]
    assert names("LABEL") == names("Platform") == names("4444 5555 6666") == names(function.arn) == ["label-uploads"]
    assert names(f"{function.arn}:live") == names("label-uploads:live") == names("nothing-of-the-kind") == []
    assert names("", GLOBEX) == ["tax-rates"]
    assert names("", "999999999999") == names("", "nonsense") == []


# Checks


def check(function: Function, verdict: str, **fields: Any) -> Check:
    fields.setdefault("occasion", Occasion.CLICK)
    fields.setdefault("asked_as", ACME)
    policy = function.policies.get()
    return Check.objects.create(
        policy=policy, state=CheckState.DONE, verdict=verdict, done_at=timezone.now(), requested_as="ann@example.com", **fields
    )


def test_only_answers_about_ones_own_account_are_told_and_in_our_own_words(jo: User, function: Function) -> None:
    grant = factories.grant(function, ACME)
    check(function, Verdict.ALLOWED, grant=grant, asked_as="", detail="Let in by statement SECRET-SID as well.")
    check(function, Verdict.DENIED, answer="denied-identity", detail="SECRET")
    check(function, Verdict.ERROR, answer="unknown", detail="AWS says: SECRET")
    check(function, Verdict.ALLOWED, grant=factories.grant(function, GLOBEX), detail="SECRET")
    check(function, Verdict.ALLOWED, asked_as=GLOBEX, detail="SECRET")
    answers = consuming.standing(side(jo), function.policies.get()).answers
    assert [one.verdict for one in answers] == ["error", "denied", "allowed"]
    assert "SECRET" not in repr(answers)
    assert "identity policy" in answers[1].says


def test_not_tried_never_hides_a_proof(jo: User, function: Function) -> None:
    grant = factories.grant(function, ACME)
    check(function, Verdict.ALLOWED, grant=grant, principal=f"arn:aws:iam::{ACME}:role/checker")
    check(function, Verdict.NOT_TRIED, detail="Nobody can.")
    (found,) = seen(jo)
    assert found.tried is not None
    assert found.tried.verdict == Verdict.ALLOWED


def ask(jo: User, account: Account) -> Check:
    found = side(jo)
    (one,) = consuming.page_rows(found, consuming.find(found))
    return consuming.ask(found, one, account)


def test_a_check_a_minute_and_an_open_one_is_joined(jo: User, acme: Account, function: Function) -> None:
    factories.connection(acme, "checker")
    kept(function, allow(ACME))
    first = ask(jo, acme)
    assert (first.state, first.requested_by, first.connection is not None) == (CheckState.QUEUED, jo, True)
    assert ask(jo, acme) == first
    Check.objects.update(state=CheckState.DONE, verdict=Verdict.ALLOWED)
    with pytest.raises(Refusal) as refused:
        ask(jo, acme)
    assert refused.value.code == "too-soon"
    Check.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    assert ask(jo, acme) != first


def test_many_functions_are_not_all_checked_at_once(jo: User, acme: Account, function: Function) -> None:
    factories.grant(function, ACME)
    for place in range(20):
        Check.objects.create(
            policy=factories.function(f"other-{place}").policies.get(),
            occasion=Occasion.CLICK,
            requested_by=jo,
            requested_as="jo",
        )
    with pytest.raises(Refusal, match="many checks"):
        ask(jo, acme)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (allow(ACME, "GetFunction"), "Only direct calls"),
        (allow(ROLE), f"cannot act as {ROLE}"),
    ],
)
def test_what_cannot_be_tried_says_why_at_once(
    jo: User, acme: Account, function: Function, statement: dict[str, Any], why: str
) -> None:
    factories.connection(acme, "checker")
    kept(function, statement)
    done = ask(jo, acme)
    assert (done.state, done.verdict) == (CheckState.DONE, Verdict.NOT_TRIED)
    answers = consuming.standing(side(jo), function.policies.get()).answers
    assert why in answers[0].says


def test_without_a_checker_role_it_is_not_tried(jo: User, acme: Account, function: Function) -> None:
    factories.grant(function, ACME)
    Grant.objects.update(permission={"via_url": False})
    assert "no connected checker role" in ask(jo, acme).detail


def test_nothing_is_tried_before_aws_holds_it_and_auditors_try_nothing(jo: User, acme: Account, function: Function) -> None:
    factories.grant(function, ACME, state=GrantState.PENDING)
    with pytest.raises(Refusal) as refused:
        ask(jo, acme)
    assert refused.value.code == "unsettled"
    auditor = factories.person(Role.AUDITOR)
    factories.membership(auditor, acme)
    with pytest.raises(NotPermitted):
        ask(auditor, acme)
    assert not Check.objects.exists()


# Leaving


def test_leaving_an_account_ends_ones_own_membership_and_leaves_the_grants(jo: User, acme: Account, function: Function) -> None:
    grant = factories.grant(function, ACME)
    (membership,) = side(jo).memberships
    consuming.leave_account(side(jo), membership)
    assert seen(jo) == []
    grant.refresh_from_db()
    assert grant.state == GrantState.ACTIVE
    assert Event.objects.get(verb="membership.ended").person == jo
    with pytest.raises(NotFound):
        memberships.end(membership, by=Actor.of(jo))


def test_whoever_gives_something_back_stays_until_that_is_done(jo: User, function: Function) -> None:
    factories.grant(function, ACME, state=GrantState.REVOKING, wanted="absent", revoked_by=jo)
    found = side(jo)
    with pytest.raises(Refusal, match="not finished"):
        consuming.leave_account(found, found.memberships[0])
    Grant.objects.update(state=GrantState.REVOKED)
    consuming.leave_account(found, found.memberships[0])


class TestAgainstAws:
    """The sandbox's Platform shares hello_world with Acme Retail."""

    @pytest.fixture
    def estate(self, sandbox: "Sandbox") -> Estate:
        return Estate(sandbox)

    @pytest.fixture
    def hello(self, estate: Estate) -> Policy:
        return estate.policy("hello_world")

    @pytest.fixture
    def jo(self, estate: Estate) -> User:
        person = factories.person(Role.CONSUMER, email="jo@example.com")
        factories.membership(person, estate.accounts["Acme Retail"])
        return person

    def back(self, jo: User, grant: Grant, reason: str = "") -> Grant:
        found = side(jo)
        mine = found.grant(grant.pk)
        assert mine is not None
        return consuming.give_back(found, mine, reason=reason)

    def test_a_worker_removes_what_a_consumer_gives_back(self, estate: Estate, hello: Policy, jo: User) -> None:
        grant = estate.shared(hello)
        other = estate.shared(hello, GLOBEX)
        given = self.back(jo, grant, reason="We built our own")
        assert (given.state, given.wanted, given.revoked_by) == (GrantState.REVOKING, "absent", jo)
        grant = estate.settle(given)
        assert grant.state == GrantState.REVOKED
        assert estate.sids(hello) == [other.sid]
        told = Event.objects.get(verb="grant.given-back")
        assert (told.person, told.reason) == (jo, "We built our own")
        assert self.back_again(jo, grant) is None

    def back_again(self, jo: User, grant: Grant) -> Grant | None:
        return side(jo).grant(grant.pk)

    def test_a_role_of_the_account_is_given_back_alike(self, estate: Estate, hello: Policy, jo: User) -> None:
        grant = estate.settle(self.back(jo, estate.shared(hello, ROLE)))
        assert grant.state == GrantState.REVOKED

    def test_who_has_left_meanwhile_gives_nothing_back(self, estate: Estate, hello: Policy, jo: User) -> None:
        grant = self.back(jo, estate.shared(hello))
        Membership.objects.update(ended_at=timezone.now())
        grant = estate.settle(grant)
        assert (grant.state, grant.failure_code) == (GrantState.ACTIVE, "not-permitted")
        assert estate.sids(hello) == [grant.sid]

    def test_what_could_not_be_given_back_is_told_to_whoever_did(self, estate: Estate, hello: Policy, jo: User) -> None:
        grant = self.back(jo, estate.shared(hello))
        manager = estate.connection("Platform", "manager")
        type(manager).objects.filter(pk=manager.pk).update(verbs={"read": True, "share": False})
        grant = estate.settle(grant)
        assert (grant.state, grant.failure_code) == (GrantState.ACTIVE, "read-only")
        assert [way.kept for way in ways(jo)] == [True]
        colleague = factories.membership(account_=estate.accounts["Acme Retail"]).person
        assert [way.kept for way in ways(colleague)] == [False]

    def test_nobody_gives_back_what_is_somebody_elses(self, estate: Estate, hello: Policy, jo: User) -> None:
        grant = estate.shared(hello, GLOBEX)
        assert side(jo).grant(grant.pk) is None
        for stranger in (jo, factories.person(Role.CONSUMER), factories.person(Role.AUDITOR)):
            with pytest.raises(NotFound):
                granting.give_back(grant, by=Actor.of(stranger))
        with pytest.raises(NotFound):
            granting.give_back(grant, by=Actor.system())
        organisation = estate.shared(hello, ORGANIZATION)
        with pytest.raises(NotFound):
            granting.give_back(organisation, by=Actor.of(jo))

    def test_an_auditor_who_acts_for_the_account_changes_nothing(self, estate: Estate, hello: Policy) -> None:
        grant = estate.shared(hello)
        auditor = factories.person(Role.AUDITOR)
        factories.membership(auditor, estate.accounts["Acme Retail"])
        with pytest.raises(NotPermitted):
            self.back(auditor, grant)
        with pytest.raises(NotFound):
            granting.give_back(grant, by=Actor.of(auditor))

    def test_a_statement_that_was_changed_is_left_to_the_owner(self, estate: Estate, hello: Policy, jo: User) -> None:
        grant = estate.shared(hello)
        document = estate.sandbox.policy(hello.arn)
        assert document is not None
        changed = [{**document["Statement"][0], "Principal": {"AWS": f"arn:aws:iam::{GLOBEX}:root"}}]
        estate.sandbox.put_policy(hello.arn, {**document, "Statement": changed})
        estate.read(hello)
        with pytest.raises(Refusal) as refused:
            self.back(jo, grant)
        assert refused.value.code == "changed"
        assert grant.sid not in refused.value.message + refused.value.next

    def test_a_paused_owner_account_is_told_without_its_insides(self, estate: Estate, hello: Policy, jo: User) -> None:
        grant = estate.shared(hello)
        connection = estate.connection("Platform", "manager")
        type(connection).objects.filter(pk=connection.pk).update(state="paused")
        with pytest.raises(Refusal, match="cannot be reached from here") as refused:
            self.back(jo, grant)
        assert "role" not in refused.value.message + refused.value.next

    def test_check_now_proves_it_as_the_accounts_checker(self, estate: Estate, hello: Policy, jo: User) -> None:
        grant = estate.shared(hello)
        estate.check(grant)
        asked = ask(jo, estate.accounts["Acme Retail"])
        assert asked.grant == grant
        outcome = checking.run(asked.pk)
        assert outcome is not None
        assert outcome.check.verdict == Verdict.ALLOWED
        (found,) = seen(jo)
        assert found.tried is not None
        assert found.tried.principal == estate.connection("Acme Retail", "checker").role_arn
        assert found.tried.says == ""

    def test_what_was_made_elsewhere_is_tried_too(self, estate: Estate, jo: User) -> None:
        policy = estate.read(estate.policy("catalogue-search"))
        asked = ask(jo, estate.accounts["Acme Retail"])
        assert asked.grant is None
        outcome = checking.run(asked.pk)
        assert outcome is not None
        assert outcome.check.verdict == Verdict.ALLOWED
        assert consuming.standing(side(jo), policy).answers[0].verdict == Verdict.ALLOWED

    def test_what_comes_through_an_organisation_is_proved_at_once(self, estate: Estate, jo: User) -> None:
        policy = estate.read(estate.policy("tax-rates", "live"))  # read just now: a contrary answer would be waited for
        member(estate.accounts["Acme Retail"])
        asked = ask(jo, estate.accounts["Acme Retail"])
        outcome = checking.run(asked.pk)
        assert outcome is not None
        assert (outcome.check.state, outcome.check.verdict) == (CheckState.DONE, Verdict.ALLOWED)
        assert [one.number for one in consuming.standing(side(jo), policy).answers] == [ACME]

    def test_what_else_lets_them_in_is_said_before_leaving(self, estate: Estate, jo: User) -> None:
        policy = estate.policy("catalogue-search")
        grant = estate.shared(policy)  # beside acme-search, which was there
        mine = side(jo).grant(grant.pk)
        assert mine is not None
        assert consuming.what_stops(mine) == "yes"
        alone = estate.shared(estate.policy("photo-intake"))
        mine = side(jo).grant(alone.pk)
        assert mine is not None
        assert consuming.what_stops(mine) == "no"
