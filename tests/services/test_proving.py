"""An invited person shows that an account is theirs: to AWS itself, by an ExternalId that nobody else has."""

import json
import re
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from sharing.aws import session
from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Event,
    Invitation,
    InvitationState,
    Membership,
    Organization,
    OrganizationMember,
    Policy,
    Proof,
    Proving,
    ProvingState,
    Purpose,
    Role,
    User,
)
from sharing.services import connecting, inviting, proving
from sharing.services.errors import NotPermitted, Refusal
from tests import factories

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

EMAIL = "dev@umbrella.example"
UMBRELLA = "666677778888"
ACME = "111122223333"


@pytest.fixture
def dev() -> User:
    return factories.person(Role.CONSUMER, email=EMAIL)


def offered() -> Policy:
    owner = Account.objects.filter(number="444455556666").first() or factories.account("Platform", "444455556666")
    if not owner.connections.exists():
        factories.connection(owner)
    return factories.function(of=owner).policies.get(qualifier="")


def invited(meant: str = "", email: str = EMAIL) -> Invitation:
    owner = Actor.of(factories.person(Role.OWNER))
    return inviting.invite(email, offers=[inviting.Offer(offered())], by=owner, meant=meant)


def make_role(sandbox: "Sandbox", row: Proving, condition: dict[str, Any] | None = None, **changed: Any) -> None:
    """What the page's commands do, by the SDK: as the account's own administrator."""
    asked = condition if condition is not None else {"StringEquals": {"sts:ExternalId": row.external_id}}
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": session.identify().arn}, "Action": "sts:AssumeRole"}
    statement |= {"Condition": asked} if asked else {}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    sandbox.add_role(row.number, changed.get("name") or row.role_arn.rpartition("/")[2], trust=trust)


def looked(row: Proving) -> Proving:
    """One try, as if it were time for it."""
    Proving.objects.filter(pk=row.pk).update(next_try_at=None)
    outcome = proving.look(row.pk)
    assert outcome is not None
    return outcome.proving


# Naming the account


def test_naming_an_account_makes_no_account_and_no_connection(dev: User) -> None:
    before = Account.objects.count()
    row = proving.name_account(invited(), person=dev, number=" 6666 7777-8888 ")
    assert (row.number, row.role_arn) == (UMBRELLA, f"arn:aws:iam::{UMBRELLA}:role/fnshare-checker")
    assert len(row.external_id) >= 40
    assert Account.objects.count() == before + 1  # the owner's, of the invitation itself
    assert not Connection.objects.filter(purpose=Purpose.CHECKER).exists()


def test_each_person_has_an_external_id_of_their_own_and_keeps_it(dev: User) -> None:
    invitation = invited()
    mine = proving.name_account(invitation, person=dev, number=UMBRELLA)
    again = proving.name_account(invitation, person=dev, number=UMBRELLA, role="another-name")
    assert (again.pk, again.external_id) == (mine.pk, mine.external_id)
    assert again.role_arn.endswith(":role/another-name")
    other = factories.person(Role.CONSUMER, email="else@umbrella.example")
    theirs = proving.name_account(invited(email=other.email), person=other, number=UMBRELLA)
    assert theirs.external_id != mine.external_id


@pytest.mark.parametrize("number", ["", "66667777888", "6666777788889", "６６６６７７７７８８８８", "x" * 400])
def test_an_account_id_has_twelve_digits(dev: User, number: str) -> None:
    with pytest.raises(Refusal, match="exactly 12 digits"):
        proving.name_account(invited(), person=dev, number=number)


def test_only_the_account_that_the_invitation_names(dev: User) -> None:
    with pytest.raises(Refusal) as refused:
        proving.name_account(invited(meant=ACME), person=dev, number=UMBRELLA)
    assert refused.value.code == "wrong-account"


def test_the_functions_own_account_needs_no_sharing(dev: User) -> None:
    with pytest.raises(Refusal, match="this very account"):
        proving.name_account(invited(), person=dev, number="444455556666")


@pytest.mark.parametrize(
    ("role", "why"),
    [
        (f"arn:aws:iam::{ACME}:role/fnshare-checker", "belongs to account"),
        (f"arn:aws:iam::{UMBRELLA}:user/somebody", "not the ARN of an IAM role"),
        ("arn:aws:lambda:us-east-1:1:x", "12 digits|ARN"),
        ("a role", "ARN"),
        (f"arn:aws:iam::{UMBRELLA}:role/{'x' * 900}", "not the ARN"),
    ],
)
def test_a_role_of_another_account_and_what_is_no_role_are_refused(dev: User, role: str, why: str) -> None:
    with pytest.raises(Refusal, match=why) as refused:
        proving.name_account(invited(), person=dev, number=UMBRELLA, role=role)
    assert refused.value.field == "role"
    assert "fnshare-checker" in refused.value.next


def test_somebody_else_and_an_auditor_name_nothing(dev: User) -> None:
    invitation = invited()
    with pytest.raises(Refusal) as refused:
        proving.name_account(invitation, person=factories.person(Role.CONSUMER), number=UMBRELLA)
    assert refused.value.code == "wrong-person"
    auditor = factories.person(Role.AUDITOR, email="auditor@umbrella.example")
    with pytest.raises(NotPermitted):
        proving.name_account(invited(email=auditor.email), person=auditor, number=UMBRELLA)
    assert not Proving.objects.exists()


def test_nobody_has_many_accounts_looked_for(dev: User) -> None:
    invitation = invited()
    for last in range(10):
        proving.name_account(invitation, person=dev, number=f"66667777000{last}")
    with pytest.raises(Refusal) as refused:
        proving.name_account(invitation, person=dev, number=UMBRELLA)
    assert refused.value.code == "too-many"
    proving.name_account(invitation, person=dev, number="666677770003")


# Looking


def test_the_role_is_noticed_once_it_is_there(sandbox: "Sandbox", dev: User) -> None:
    row = proving.name_account(invited(), person=dev, number=UMBRELLA)
    first = proving.look(row.pk)
    assert first is not None
    assert first.again_in == 1.0
    assert (first.proving.state, first.proving.seen) == (ProvingState.WAITING, "closed")
    make_role(sandbox, row)
    row = looked(row)
    assert row.state == ProvingState.PROVED
    assert not Account.objects.filter(number=UMBRELLA).exists()
    assert Event.objects.filter(verb="proof.seen").count() == 1
    again = proving.look(row.pk)
    assert again is not None
    assert again.again_in is None


@pytest.mark.parametrize("condition", [{}, {"StringLike": {"sts:ExternalId": "fnshare-*"}}], ids=["none", "any"])
def test_a_role_that_ignores_the_external_id_proves_nothing_and_is_noticed_when_mended(
    sandbox: "Sandbox", dev: User, condition: dict[str, Any]
) -> None:
    row = proving.name_account(invited(), person=dev, number=UMBRELLA)
    make_role(sandbox, row, condition)
    row = looked(row)
    assert (row.state, row.seen) == (ProvingState.WAITING, "unsafe")
    row = looked(row)
    assert Event.objects.filter(verb="proof.refused").count() == 1
    with pytest.raises(Refusal) as refused:
        proving.accept(row.invitation, person=dev, number=UMBRELLA)
    assert refused.value.code == "not-proved"
    sandbox.delete_role(UMBRELLA, "fnshare-checker")
    make_role(sandbox, row)
    assert looked(row).state == ProvingState.PROVED


def test_the_role_that_stands_for_a_colleague_proves_nothing_for_who_guesses_the_number(sandbox: "Sandbox", dev: User) -> None:
    acme = next(account for account in sandbox.accounts if account.id == ACME)
    factories.connection(
        factories.account("Acme", ACME), Purpose.CHECKER, role_arn=acme.checker_role_arn, external_id=acme.external_id
    )
    invitation = invited()
    row = looked(proving.name_account(invitation, person=dev, number=ACME, role=acme.checker_role_arn))
    assert (row.state, row.seen) == (ProvingState.WAITING, "closed")
    assert proving.ways(invitation, person=dev) == []
    # Nothing on it differs from an account that nobody knows here.
    unknown = looked(proving.name_account(invitation, person=dev, number=UMBRELLA))
    assert (unknown.state, unknown.seen) == (row.state, row.seen)


def test_a_newcomer_whom_the_role_accepts_beside_the_colleague_is_proved_and_changes_nothing(
    sandbox: "Sandbox", dev: User
) -> None:
    acme = next(account for account in sandbox.accounts if account.id == ACME)
    standing = factories.connection(
        factories.account("Acme", ACME), Purpose.CHECKER, role_arn=acme.checker_role_arn, external_id=acme.external_id
    )
    invitation = invited(meant=ACME)
    row = proving.name_account(invitation, person=dev, number=ACME, role=acme.checker_role_arn)
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": session.identify().arn},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": [acme.external_id, row.external_id]}},
            }
        ],
    }
    sandbox.put_trust(ACME, acme.checker_role_arn.rpartition("/")[2], trust)
    assert looked(row).state == ProvingState.PROVED
    accepted = proving.accept(invitation, person=dev, number=ACME)
    assert accepted.connection == standing
    standing.refresh_from_db()
    assert (standing.external_id, standing.state, standing.test_wanted_at) == (acme.external_id, "connected", None)
    assert Membership.objects.get().person == dev


def test_aws_away_is_nobodys_fault_and_tried_again(sandbox: "Sandbox", dev: User, monkeypatch: pytest.MonkeyPatch) -> None:
    row = proving.name_account(invited(), person=dev, number=UMBRELLA)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("sharing.aws.session.time.sleep", lambda _seconds: None)
    session.forget()
    outcome = proving.look(row.pk)
    assert outcome is not None
    assert (outcome.proving.state, outcome.proving.seen) == (ProvingState.WAITING, "no-answer")
    assert outcome.again_in is not None


def test_a_worker_that_dies_while_it_tries_is_followed_by_another(sandbox: "Sandbox", dev: User) -> None:
    row = proving.name_account(invited(), person=dev, number=UMBRELLA)
    make_role(sandbox, row)
    now = timezone.now()
    Proving.objects.filter(pk=row.pk).update(lease_until=now + timedelta(seconds=30))  # it took the row and died
    assert proving.due(now) == []
    looking = proving.look(row.pk)
    assert looking is not None
    assert (looking.proving.state, looking.again_in) == (ProvingState.WAITING, None)
    with time_machine.travel(now + timedelta(seconds=31), tick=True):
        assert [one.pk for one in proving.due(timezone.now())] == [row.pk]
        done = proving.look(row.pk)
        assert done is not None
        assert done.proving.state == ProvingState.PROVED


def test_looking_ends_with_the_invitation_and_after_an_hour(sandbox: "Sandbox", dev: User) -> None:
    invitation = invited()
    row = proving.name_account(invitation, person=dev, number=UMBRELLA)
    make_role(sandbox, row)
    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=True):
        assert looked(row).state == ProvingState.OVER
        row = proving.look_again(row)
        assert row.state == ProvingState.WAITING
        inviting.cancel(invitation, by=Actor.of(factories.person(Role.ADMIN)))
        assert looked(row).state == ProvingState.OVER
        with pytest.raises(Refusal) as refused:
            proving.look_again(row)
    assert refused.value.code == "stale"


def test_what_was_seen_of_another_role_is_not_the_answer_about_this_one(
    sandbox: "Sandbox", dev: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    invitation = invited()
    row = proving.name_account(invitation, person=dev, number=UMBRELLA)
    make_role(sandbox, row)
    real = proving.looking._see

    def meanwhile(seen: Proving) -> Any:
        proving.name_account(invitation, person=dev, number=UMBRELLA, role="a-role-that-is-not-there")
        return real(seen)

    monkeypatch.setattr(proving.looking, "_see", meanwhile)
    assert looked(row).state == ProvingState.WAITING
    assert not Event.objects.filter(verb="proof.seen").exists()


# Accepting


def proved(sandbox: "Sandbox", invitation: Invitation, dev: User, number: str = UMBRELLA) -> Proving:
    row = proving.name_account(invitation, person=dev, number=number)
    make_role(sandbox, row)
    row = looked(row)
    assert row.state == ProvingState.PROVED
    return row


def test_accepting_begins_the_account_its_connection_and_the_membership_once(sandbox: "Sandbox", dev: User) -> None:
    invitation = invited(meant=UMBRELLA)
    row = proved(sandbox, invitation, dev)
    for _ in range(2):
        accepted = proving.accept(Invitation.objects.get(pk=invitation.pk), person=dev, number=UMBRELLA)
        assert (accepted.state, accepted.proof) == (InvitationState.ACCEPTED, Proof.ROLE)
    connection = Connection.objects.get(purpose=Purpose.CHECKER)
    assert (connection.state, connection.external_id, connection.role_arn) == ("connected", row.external_id, row.role_arn)
    assert connection.proof_due_at is not None
    assert connection.account.name == f"Account of {EMAIL}"
    assert Membership.objects.get().account == connection.account
    tested = connecting.run_test(connection.pk)
    assert tested is not None
    assert tested.state == ConnectionState.CONNECTED


def test_no_membership_before_the_owner_confirms_is_given_by_the_page(sandbox: "Sandbox", dev: User) -> None:
    invitation = invited()
    proved(sandbox, invitation, dev)
    accepted = proving.accept(invitation, person=dev, number=UMBRELLA)
    assert accepted.awaits_confirmation
    (result,) = proving.results(accepted, list(accepted.items.select_related("policy__function__account", "grant")))
    assert (result.words, result.unsettled) == ("Waits for their confirmation", False)


def test_two_tabs_with_two_accounts_accept_one(sandbox: "Sandbox", dev: User) -> None:
    invitation = invited()
    proved(sandbox, invitation, dev)
    other = proving.name_account(invitation, person=dev, number="333344445555", role="second-role")
    make_role(sandbox, other)
    assert looked(other).state == ProvingState.PROVED
    assert {way.number for way in proving.ways(invitation, person=dev)} == {UMBRELLA, "333344445555"}
    proving.accept(invitation, person=dev, number=UMBRELLA)
    with pytest.raises(Refusal) as refused:
        proving.accept(Invitation.objects.select_related("account").get(pk=invitation.pk), person=dev, number="333344445555")
    assert refused.value.code == "stale"
    # A stale row in another tab's hands ends the same way.
    with pytest.raises(Refusal):
        proving.accept(invitation, person=dev, number="333344445555")
    assert not Account.objects.filter(number="333344445555").exists()


def test_an_invitation_cancelled_while_proving_is_not_accepted_and_leaves_nothing(sandbox: "Sandbox", dev: User) -> None:
    invitation = invited(meant=UMBRELLA)
    proved(sandbox, invitation, dev)
    inviting.cancel(invitation, by=Actor.of(factories.person(Role.ADMIN)))
    with pytest.raises(Refusal):
        proving.accept(invitation, person=dev, number=UMBRELLA)
    assert not Account.objects.filter(number=UMBRELLA).exists()
    assert not Connection.objects.filter(purpose=Purpose.CHECKER).exists()


def test_a_proof_of_yesterday_is_seen_anew_first(sandbox: "Sandbox", dev: User) -> None:
    invitation = invited(meant=UMBRELLA)
    row = proved(sandbox, invitation, dev)
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=True):
        with pytest.raises(Refusal) as refused:
            proving.accept(invitation, person=dev, number=UMBRELLA)
        assert refused.value.code == "not-proved"
        assert looked(proving.look_again(row)).state == ProvingState.PROVED
        assert proving.accept(invitation, person=dev, number=UMBRELLA).state == InvitationState.ACCEPTED


def test_somebody_elses_proof_is_not_accepted_on(sandbox: "Sandbox", dev: User) -> None:
    proved(sandbox, invited(), dev)
    other = factories.person(Role.CONSUMER, email="else@umbrella.example")
    invitation = invited(email=other.email)
    assert proving.ways(invitation, person=other) == []
    with pytest.raises(Refusal):
        proving.accept(invitation, person=other, number=UMBRELLA)
    with pytest.raises(Refusal) as refused:
        proving.accept(invited(), person=other, number=UMBRELLA)
    assert refused.value.code == "wrong-person"


def test_who_acts_for_the_account_already_makes_nothing_anew(dev: User) -> None:
    account = factories.account("Umbrella", UMBRELLA)
    checker = factories.connection(account, Purpose.CHECKER)
    factories.membership(dev, account)
    invitation = invited()
    (way,) = proving.ways(invitation, person=dev)
    assert (way.number, way.proof) == (UMBRELLA, Proof.ROLE)
    accepted = proving.accept(invitation, person=dev, number=UMBRELLA)
    assert accepted.connection == checker
    # ... but not on a role that fails its repeated proof, and not for somebody else's account.
    Connection.objects.filter(pk=checker.pk).update(proof_failed_since=timezone.now())
    assert proving.ways(invited(), person=dev) == []


def test_a_role_that_was_refused_or_never_made_is_replaced_by_the_proved_one(sandbox: "Sandbox", dev: User) -> None:
    admin = Actor.of(factories.person(Role.ADMIN))
    awaited = connecting.prepare(number=UMBRELLA, name="Umbrella", purpose=Purpose.CHECKER, by=admin)
    invitation = invited(meant=UMBRELLA)
    row = proved(sandbox, invitation, dev)
    accepted = proving.accept(invitation, person=dev, number=UMBRELLA)
    awaited.refresh_from_db()
    assert accepted.connection == awaited
    assert (awaited.state, awaited.external_id) == ("connected", row.external_id)
    assert awaited.account.name == "Umbrella"


def test_an_account_that_was_disconnected_comes_back_with_the_same_external_id(sandbox: "Sandbox", dev: User) -> None:
    invitation = invited(meant=UMBRELLA)
    proved(sandbox, invitation, dev)
    first = proving.accept(invitation, person=dev, number=UMBRELLA).connection
    assert first is not None
    connecting.disconnect(first, by=Actor.of(factories.person(Role.ADMIN)))
    again = invited(meant=UMBRELLA)
    row = looked(proving.name_account(again, person=dev, number=UMBRELLA))
    if row.state != ProvingState.PROVED:
        row = looked(row)
    second = proving.accept(again, person=dev, number=UMBRELLA).connection
    assert second is not None
    assert second.pk != first.pk


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_an_owner_or_admin_who_is_invited_accepts_beside_their_role(sandbox: "Sandbox", role: str) -> None:
    person = factories.person(role, email=EMAIL)
    invitation = invited(meant=UMBRELLA)
    proved(sandbox, invitation, person)
    proving.accept(invitation, person=person, number=UMBRELLA)
    person.refresh_from_db()
    assert person.role == role
    assert Membership.objects.of(Actor.of(person)).exists()


# Membership of an organisation


def member(number: str, organization: str = "o-a1b2c3d4e5", **fields: Any) -> OrganizationMember:
    known = Organization.objects.filter(organization_id=organization).first()
    known = known or factories.organization(organization_id=organization)
    return OrganizationMember.objects.create(organization=known, number=number, name="Umbrella labs", **fields)


def test_a_named_account_that_is_a_known_member_accepts_without_a_role(dev: User) -> None:
    member(UMBRELLA)
    invitation = invited(meant=UMBRELLA)
    (way,) = proving.ways(invitation, person=dev)
    assert (way.proof, way.organization) == (Proof.ORGANIZATION, "o-a1b2c3d4e5")
    accepted = proving.accept(invitation, person=dev, number=UMBRELLA)
    assert (accepted.proof, accepted.connection) == (Proof.ORGANIZATION, None)
    assert Account.objects.get(number=UMBRELLA).name == "Umbrella labs"
    assert not Connection.objects.filter(purpose=Purpose.CHECKER).exists()
    assert accepted.awaits_confirmation, "whether this person belongs to the account only the owner can say"
    assert not Membership.objects.exists()


def test_a_member_of_the_named_organisation_waits_for_the_owner(dev: User) -> None:
    member(UMBRELLA)
    invitation = invited(meant="o-a1b2c3d4e5")
    assert proving.ways(invitation, person=dev) == []  # members are not listed
    proving.name_account(invitation, person=dev, number=UMBRELLA)
    accepted = proving.accept(invitation, person=dev, number=UMBRELLA)
    assert accepted.awaits_confirmation
    assert not Membership.objects.exists()


@pytest.mark.parametrize("fields", [{"left_at": timezone.now()}, {"status": "SUSPENDED"}], ids=["left", "suspended"])
def test_who_left_or_is_suspended_is_no_member(dev: User, fields: dict[str, Any]) -> None:
    member(UMBRELLA, **fields)
    assert proving.ways(invited(meant=UMBRELLA), person=dev) == []


@pytest.mark.parametrize(
    "fields",
    [{"read_at": timezone.now() - timedelta(hours=49)}, {"failure": "No."}, {"connection": None}],
    ids=["old", "failing", "not connected"],
)
def test_a_list_of_members_that_is_old_or_cannot_be_read_proves_nobody(dev: User, fields: dict[str, Any]) -> None:
    member(UMBRELLA)
    Organization.objects.update(**fields)
    assert proving.ways(invited(meant=UMBRELLA), person=dev) == []


def test_a_member_of_another_organisation_and_an_unnamed_invitation_need_the_role(dev: User) -> None:
    member(UMBRELLA)
    for meant in ("", "o-zzzzzzzzzz"):
        invitation = invited(meant=meant)
        proving.name_account(invitation, person=dev, number=UMBRELLA)
        assert proving.ways(invitation, person=dev) == []


# A login


def test_a_login_is_made_once_and_only_for_the_invited_address() -> None:
    invitation = invited()
    person = proving.join(invitation, name=" Dee  Ver ", password="a long enough one")
    assert (person.email, person.name, person.role, person.every_account) == (EMAIL, "Dee Ver", Role.CONSUMER, False)
    assert person.check_password("a long enough one")
    assert Event.objects.filter(verb="person.joined", person=person).count() == 1
    with pytest.raises(Refusal, match="has a login here already"):
        proving.join(invitation, name="Other", password="another long enough one")


def test_another_tab_that_made_the_login_first_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_: Any, **__: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(User, "save", taken)
    with pytest.raises(Refusal, match="has a login here already"):
        proving.join(invited_without_saving(), name="Dee", password="a long enough one")


def invited_without_saving() -> Invitation:
    return Invitation(email=EMAIL, expires_at=timezone.now() + timedelta(days=1))


@pytest.mark.parametrize("password", ["short", "1234567890123", "password123", "dev@umbrella.example"])
def test_a_weak_password_makes_no_login(password: str) -> None:
    with pytest.raises(Refusal) as refused:
        proving.join(invited(), name="Dee", password=password)
    assert refused.value.field == "password"
    assert not User.objects.filter(email=EMAIL).exists()


def test_an_invitation_that_is_over_makes_no_login() -> None:
    invitation = invited()
    inviting.decline(invitation)
    with pytest.raises(Refusal):
        proving.join(Invitation.objects.get(pk=invitation.pk), name="Dee", password="a long enough one")


# What the page tells to run


def test_the_commands_make_a_role_that_proves_the_account(sandbox: "Sandbox", dev: User) -> None:
    connecting.identify_worker()
    invitation = invited(meant=UMBRELLA)
    row = proving.name_account(invitation, person=dev, number=UMBRELLA, role="mine-alone")
    umbrella = next(account for account in sandbox.accounts if account.id == UMBRELLA)
    iam = boto3.client(
        "iam",
        endpoint_url=sandbox.url,
        region_name="us-east-1",
        aws_access_key_id=umbrella.access_key_id,
        aws_secret_access_key=umbrella.secret_access_key,
    )
    create, put = (
        shlex.split(line) for line in proving.recipes(row, invitation).commands.splitlines() if not line.startswith("#")
    )
    iam.create_role(RoleName=create[4], AssumeRolePolicyDocument=create[6])
    iam.put_role_policy(RoleName=put[4], PolicyName=put[6], PolicyDocument=put[8])
    assert looked(row).state == ProvingState.PROVED


def test_the_recipes_name_nobody_elses_account(sandbox: "Sandbox", dev: User) -> None:
    connecting.identify_worker()
    other = factories.connection(factories.account("Another owner"))
    invitation = invited()
    recipes = proving.recipes(proving.name_account(invitation, person=dev, number=UMBRELLA), invitation)
    for text in (recipes.commands, recipes.cloudformation, recipes.terraform):
        assert other.account.number not in text
        assert "arn:aws:lambda:*:444455556666:function:*" in text
        assert f"arn:aws:lambda:*:{UMBRELLA}:*" in text
    template = json.loads(recipes.cloudformation)
    trust = template["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": Proving.objects.get().external_id}}
    documents = re.findall(r"jsonencode\((\{.*?\n  \})\)", recipes.terraform, re.DOTALL)
    assert [json.loads(document)["Version"] for document in documents] == ["2012-10-17"] * 2
    assert json.loads(documents[0])["Statement"][0]["Condition"] == trust["Condition"]
