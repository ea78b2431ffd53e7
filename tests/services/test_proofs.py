"""That an account is its consumer's is proved again every thirty days; a proof that fails is told and pauses its requests."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.utils import timezone

from sharing.aws.errors import Unavailable
from sharing.models import (
    Account,
    Connection,
    ConnectionState,
    Event,
    Finding,
    Invitation,
    KeptConsumer,
    Organization,
    OrganizationMember,
    Purpose,
)
from sharing.services import connecting, proofs
from sharing.services.findings import refreshing
from sharing.services.proofs import AGAIN, EVERY, GRACE, Standing
from sharing.tasks import sweep
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture(autouse=True)
def database_agrees() -> Iterator[None]:
    """Whatever a test made: lists that are ordered and narrowed by the database say the same of it."""
    yield
    now = timezone.now()
    rows = dict(KeptConsumer.objects.annotate(place=proofs.placed(now)).values_list("number", "place"))
    judged = proofs.of_numbers(rows)
    said = {number: judged.get(number, proofs.NOT_PROVED).standing for number in rows}
    assert {number: proofs.WORST_FIRST[place] for number, place in rows.items()} == said
    failing = {number for number, standing in said.items() if standing is Standing.FAILED}
    assert failing <= set(KeptConsumer.objects.filter(proofs.may_fail()).values_list("number", flat=True))


def checker(**fields: Any) -> Connection:
    """A role that was proved just now, as a row."""
    fields.setdefault("tested_at", NOW)
    fields.setdefault("proof_due_at", NOW + EVERY)
    return factories.connection(None, Purpose.CHECKER, **fields)


def standing(connection: Connection) -> Standing:
    return proofs.of(connection.account).standing


def asked(now: datetime = NOW) -> set[Any]:
    return {one.pk for one in proofs.want_due(now)}


def member(account: Account, *, accepted: bool = True, **fields: Any) -> OrganizationMember:
    """A member of a known organisation, by which the account was proved when an invitation was accepted."""
    if accepted:
        Invitation.objects.create(
            email="jo@example.com", state="accepted", account=account, proof="organization", proved_at=NOW,
            accepted_at=NOW, accepted_by=factories.person("consumer"), confirmed_at=NOW, expires_at=NOW, created_as="x",
        )  # fmt: skip
    organization = Organization.objects.first() or factories.organization(read_at=NOW)
    return OrganizationMember.objects.create(organization=organization, number=account.number, **fields)


class TestWhenItIsDue:
    def test_a_role_is_tried_again_on_its_day_and_not_before(self) -> None:
        role = checker()
        assert asked(NOW + EVERY - timedelta(minutes=1)) == set()
        assert asked(NOW + EVERY) == {role.pk}
        role.refresh_from_db()
        assert role.test_wanted_at == NOW + EVERY

    def test_what_waits_for_a_test_already_is_not_asked_again(self) -> None:
        checker(proof_due_at=NOW)
        assert asked()
        assert not asked()

    def test_roles_connected_before_proofs_were_repeated_are_due_too(self) -> None:
        old = checker(proof_due_at=None, tested_at=NOW - EVERY)
        older = checker(proof_due_at=None, tested_at=None, connected_at=NOW - EVERY)
        checker(proof_due_at=None, tested_at=NOW - EVERY + timedelta(days=1))
        assert asked() == {old.pk, older.pk}

    @pytest.mark.parametrize(
        "fields",
        [
            {"state": ConnectionState.PAUSED},
            {"state": ConnectionState.DISCONNECTED},
            {"state": ConnectionState.AWAITED, "role_arn": ""},
            {"state": ConnectionState.REFUSED},  # never proved
        ],
    )
    def test_others_are_left_alone(self, fields: dict[str, Any]) -> None:
        checker(proof_due_at=NOW, **fields)
        assert not asked()

    def test_manager_roles_prove_nothing(self) -> None:
        factories.connection(proof_due_at=NOW)
        assert not asked()

    def test_a_failed_one_is_tried_every_day(self) -> None:
        role = checker(state=ConnectionState.REFUSED, proof_failed_since=NOW, proof_due_at=NOW + AGAIN)
        assert not asked(NOW)
        assert asked(NOW + AGAIN) == {role.pk}

    def test_a_thousand_of_one_day_are_no_burst(self) -> None:
        for _ in range(proofs.AT_ONCE + 2):
            checker(proof_due_at=NOW)
        assert len(asked()) == proofs.AT_ONCE
        assert len(asked()) == 2

    def test_the_sweep_asks(self) -> None:
        role = checker(proof_due_at=NOW)
        sweep()
        role.refresh_from_db()
        assert role.test_wanted_at is not None


class TestHowItStands:
    def test_proved_then_overdue(self) -> None:
        assert standing(checker()) is Standing.PROVED
        assert standing(checker(proof_due_at=NOW - timedelta(hours=1))) is Standing.PROVED  # a worker is about to
        assert standing(checker(proof_due_at=NOW - GRACE - timedelta(hours=1))) is Standing.OVERDUE

    def test_paused_is_proved_until_it_is_overdue_and_says_why(self) -> None:
        role = checker(state=ConnectionState.PAUSED, proof_due_at=NOW - GRACE - timedelta(days=1))
        assert "paused" in proofs.of(role.account).why

    @pytest.mark.parametrize("state", [ConnectionState.AWAITED, ConnectionState.TESTING, ConnectionState.REFUSED])
    def test_a_role_that_never_let_us_in_proves_nothing_and_fails_nothing(self, state: str) -> None:
        role = checker(state=state, connected_at=None, proof_due_at=None, failure="Denied.")
        assert standing(role) is Standing.NONE
        assert proofs.requests_paused(role.account) == ""

    def test_while_another_role_is_tried_the_one_in_use_still_proves(self) -> None:
        role = checker(state=ConnectionState.TESTING, former={"state": "connected"})
        assert standing(role) is Standing.PROVED

    def test_a_disconnected_one_proves_nothing(self) -> None:
        assert standing(checker(state=ConnectionState.DISCONNECTED)) is Standing.NONE

    def test_an_account_without_anything(self) -> None:
        account = factories.account()
        assert proofs.of(account) == proofs.NOT_PROVED
        assert proofs.requests_paused(account) == ""

    def test_a_failed_one_pauses_requests_in_words_for_consumers(self) -> None:
        role = checker(
            state=ConnectionState.REFUSED, proof_failed_since=NOW, failure="The role arn:aws:iam::1:role/x is not to be named."
        )
        said = proofs.requests_paused(role.account)
        assert role.account.name in said
        assert "checker role does not prove" in said
        assert "arn:" not in said

    def test_an_overdue_one_does_not_pause_requests(self) -> None:
        assert proofs.requests_paused(checker(proof_due_at=NOW - timedelta(days=9)).account) == ""

    def test_the_number_of_queries_is_constant(self, django_assert_num_queries: Any) -> None:
        numbers = [checker().account.number for _ in range(3)]
        with django_assert_num_queries(3):
            proofs.of_numbers(numbers[:1])
        with django_assert_num_queries(3):
            proofs.of_numbers(numbers)


LATE = NOW - GRACE - timedelta(minutes=1)
NOT_DUE = {"proof_due_at": None}


@pytest.mark.parametrize(
    ("expected", "fields"),
    [
        (Standing.PROVED, {}),
        (Standing.PROVED, {"proof_due_at": NOW - GRACE + timedelta(hours=9)}),
        (Standing.OVERDUE, {"proof_due_at": LATE}),
        (Standing.PROVED, NOT_DUE),
        (Standing.OVERDUE, NOT_DUE | {"tested_at": LATE - EVERY}),
        (Standing.OVERDUE, NOT_DUE | {"tested_at": None, "connected_at": LATE - EVERY}),
        (Standing.PROVED, NOT_DUE | {"tested_at": NOW, "connected_at": LATE - EVERY}),
        (Standing.FAILED, {"state": ConnectionState.REFUSED, "proof_failed_since": NOW}),
        (Standing.FAILED, {"state": ConnectionState.TESTING, "proof_failed_since": NOW, "proof_due_at": LATE}),
        (Standing.NONE, {"state": ConnectionState.REFUSED}),
        (Standing.NONE, {"state": ConnectionState.AWAITED, "connected_at": None}),
        (Standing.NONE, {"state": ConnectionState.DISCONNECTED, "proof_failed_since": NOW}),
        (Standing.PROVED, {"state": ConnectionState.PAUSED}),
        (Standing.PROVED, {"state": ConnectionState.TESTING, "former": {"state": "connected", "role_arn": "x"}}),
        (Standing.NONE, {"state": ConnectionState.TESTING, "former": {"state": "refused", "role_arn": "x"}}),
    ],
)
def test_what_a_role_proves(expected: Standing, fields: dict[str, Any]) -> None:
    assert standing(checker(**fields)) is expected


class TestOrganisations:
    def test_a_member_is_proved_as_long_as_it_is_one(self) -> None:
        account = factories.account()
        row = member(account)
        proof = proofs.of(account)
        assert (proof.standing, proof.how, proof.organization) == (Standing.PROVED, "organization", "o-k3s8w1q9zt")
        row.left_at = NOW
        row.save()
        proof = proofs.of(account)
        assert (proof.standing, proof.failed_since) == (Standing.FAILED, NOW)
        assert "not a member" in proofs.requests_paused(account)

    def test_leaving_fails_nothing_that_did_not_rest_on_it(self) -> None:
        account = factories.account()
        member(account, accepted=False, left_at=NOW)
        assert proofs.of(account).standing is Standing.NONE
        role = checker()
        member(role.account, left_at=NOW)
        assert standing(role) is Standing.PROVED

    def test_it_counts_where_a_role_was_only_begun(self) -> None:
        role = checker(state=ConnectionState.AWAITED, role_arn="", connected_at=None, proof_due_at=None)
        member(role.account)
        assert standing(role) is Standing.PROVED

    def test_it_does_not_excuse_a_role_that_fails(self) -> None:
        role = checker(state=ConnectionState.REFUSED, proof_failed_since=NOW)
        member(role.account)
        assert standing(role) is Standing.FAILED

    def test_members_that_nobody_reads_are_unknown_not_gone(self) -> None:
        account = factories.account()
        member(account).delete()
        assert proofs.of(account).standing is Standing.OVERDUE
        assert proofs.requests_paused(account) == ""

    def test_a_member_of_an_organisation_that_cannot_be_read_is_overdue_and_says_why(self) -> None:
        account = factories.account()
        member(account)
        Organization.objects.update(failure="The role may not do organizations:ListAccounts.")
        proof = proofs.of(account)
        assert (proof.standing, proof.why) == (Standing.OVERDUE, "The role may not do organizations:ListAccounts.")
        assert proofs.requests_paused(account) == ""

    def test_one_that_joined_another_known_organisation_is_a_member(self) -> None:
        account = factories.account()
        member(account, left_at=NOW)
        other = factories.organization(organization_id="o-anotherone1", name="Other")
        OrganizationMember.objects.create(organization=other, number=account.number)
        assert proofs.of(account).organization == "Other"


class TestFindings:
    def rules(self) -> list[tuple[str, int]]:
        refreshing.refresh(now=timezone.now())
        return list(
            Finding.objects.filter(state="open", rule__in=("connection", "proof-failed")).values_list("rule", "severity")
        )

    def test_a_failed_proof_is_one_finding_and_goes_when_it_is_proved(self) -> None:
        role = checker(state=ConnectionState.REFUSED, proof_failed_since=NOW, failure="Denied.")
        assert self.rules() == [("proof-failed", 2)]
        one = Finding.objects.get(rule="proof-failed")
        assert one.account == role.account
        assert "Denied." in one.text
        Connection.objects.update(state=ConnectionState.CONNECTED, proof_failed_since=None)
        assert self.rules() == []

    def test_a_role_that_lets_others_in_weighs_more(self) -> None:
        report = [{"name": "ExternalId is enforced", "outcome": "failed", "detail": "", "next": ""}]
        checker(state=ConnectionState.REFUSED, proof_failed_since=NOW, failure="Lets in.", report=report)
        assert self.rules() == [("proof-failed", 3)]

    def test_one_that_was_never_proved_stays_what_it_was(self) -> None:
        checker(state=ConnectionState.REFUSED, connected_at=None, proof_due_at=None, failure="Denied.")
        assert self.rules() == [("connection", 1)]

    def test_an_account_that_left_its_organisation_is_found(self) -> None:
        member(factories.account(), left_at=NOW)
        assert self.rules() == [("proof-failed", 2)]


@pytest.mark.usefixtures("unpaced")
class TestTheTestItself:
    """Against the sandbox: none, wrong, right."""

    @pytest.fixture
    def role(self, sandbox: "Sandbox") -> Connection:
        self.sandbox = sandbox
        return Estate(sandbox).connection("Acme Retail", Purpose.CHECKER)

    def tried(self, role: Connection) -> Connection:
        Connection.objects.filter(pk=role.pk).update(test_wanted_at=timezone.now())
        done = connecting.run_test(role.pk)
        assert done is not None
        return done

    def trust(self, role: Connection, condition: dict[str, Any] | None) -> None:
        from sharing.aws import session

        statement: dict[str, Any] = {
            "Effect": "Allow", "Principal": {"AWS": session.identify().arn}, "Action": "sts:AssumeRole",
        }  # fmt: skip
        if condition:
            statement["Condition"] = condition
        document = {"Version": "2012-10-17", "Statement": [statement]}
        self.sandbox.put_trust(role.account.number, "fnshare-checker", document)

    def verbs(self) -> list[str]:
        return list(Event.objects.filter(verb__startswith="proof.").order_by("sequence").values_list("verb", flat=True))

    def test_a_role_that_still_demands_its_external_id_is_proved_for_thirty_days(self, role: Connection) -> None:
        done = self.tried(role)
        assert done.tested_at is not None
        assert done.proof_due_at == done.tested_at + EVERY
        assert done.proof_failed_since is None
        assert self.verbs() == ["proof.repeated"]

    def test_the_first_one_begins_the_thirty_days_and_is_told_as_the_connection(self, role: Connection) -> None:
        Connection.objects.update(connected_at=None, state=ConnectionState.TESTING)
        done = self.tried(role)
        assert done.connected_at is not None
        assert done.proof_due_at == done.connected_at + EVERY
        assert self.verbs() == []

    def test_one_that_lets_in_without_fails_once_and_is_restored_when_it_is_mended(self, role: Connection) -> None:
        self.trust(role, None)
        done = self.tried(role)
        first = done.proof_failed_since
        assert (done.state, done.proof_due_at) == (ConnectionState.REFUSED, first and first + AGAIN)
        assert proofs.lets_others_in(done)
        done = self.tried(role)
        assert done.proof_failed_since == first
        self.trust(role, {"StringEquals": {"sts:ExternalId": role.external_id}})
        done = self.tried(role)
        assert (done.state, done.proof_failed_since) == (ConnectionState.CONNECTED, None)
        assert self.verbs() == ["proof.failed", "proof.restored"]

    def test_one_that_does_not_let_in_any_more_fails(self, role: Connection) -> None:
        self.trust(role, {"StringEquals": {"sts:ExternalId": "somebody-elses"}})
        done = self.tried(role)
        assert done.proof_failed_since is not None
        assert not proofs.lets_others_in(done)
        assert Event.objects.filter(verb="proof.failed", account=role.account).exists()

    def test_aws_being_away_is_no_failed_proof(self, role: Connection) -> None:
        away = Unavailable("AWS does not answer.", next="Later.", code="Throttling", operation="AssumeRole")
        with mock.patch("sharing.aws.proving.prove_trust", side_effect=away), pytest.raises(Unavailable):
            self.tried(role)
        role.refresh_from_db()
        assert (role.proof_failed_since, role.state) == (None, ConnectionState.CONNECTED)
        assert role.test_wanted_at is not None
        assert self.verbs() == []

    def test_another_role_that_is_refused_fails_nothing(self, role: Connection) -> None:
        admin = factories.person("admin")
        from sharing.models import Actor

        arn = f"arn:aws:iam::{role.account.number}:role/not-there"
        connecting.register(role, role_arn=arn, by=Actor.of(admin))
        done = connecting.run_test(role.pk)
        assert done is not None
        assert (done.state, done.proof_failed_since) == (ConnectionState.CONNECTED, None)
