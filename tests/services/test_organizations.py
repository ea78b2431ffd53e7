"""Organisations: members read through a role, kept whole or not at all, and known only while they are fresh."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from sharing.aws import organizations as aws
from sharing.models import (
    Actor,
    Connection,
    ConnectionState,
    Event,
    Organization,
    OrganizationMember,
    Purpose,
)
from sharing.policy.verdicts import Answer
from sharing.sandbox.story.demo import ACME, CLOSING, GLOBEX, INITECH, MANAGEMENT, ORGANISATION, PLATFORM
from sharing.sandbox.story.roles import add_organization_role
from sharing.services import connecting, organizations
from sharing.services.errors import NotPermitted, Refusal
from tests import factories

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

EVERYBODY = {PLATFORM, ACME, GLOBEX, MANAGEMENT, CLOSING}


@pytest.fixture
def admin() -> Actor:
    return Actor.of(factories.person("admin"))


def dashboard(sandbox: "Sandbox") -> str:
    """The dashboard's account as a trust policy names it."""
    number = next(one.id for one in sandbox.accounts if one.kind == "dashboard")
    return f"arn:aws:iam::{number}:root"


def connected(sandbox: "Sandbox", admin: Actor) -> Connection:
    """The story's organisation role, registered and tested."""
    platform = sandbox.account("Platform")
    connection = connecting.prepare(number=platform.id, name="Platform", purpose=Purpose.ORGANIZATION, by=admin)
    role, external_id = platform.organization_role_arn, platform.organization_external_id
    connecting.register(connection, role_arn=role, external_id=external_id, by=admin)
    tested = connecting.run_test(connection.pk)
    assert tested is not None
    return tested


@pytest.fixture
def organization(sandbox: "Sandbox", admin: Actor) -> Organization:
    """The story's organisation, read once."""
    assert connected(sandbox, admin).state == ConnectionState.CONNECTED
    read = organizations.read(Organization.objects.get().pk)
    assert read is not None
    assert not read.failure
    return read


def again(organization: Organization) -> Organization:
    """Read once more."""
    Organization.objects.filter(pk=organization.pk).update(read_due_at=timezone.now())
    read = organizations.read(organization.pk)
    assert read is not None
    return read


def numbers(**wanted: Any) -> set[str]:
    return set(OrganizationMember.objects.filter(**wanted).values_list("number", flat=True))


# Connecting


def test_a_connected_role_names_its_organisation_which_is_then_due(sandbox: "Sandbox", admin: Actor) -> None:
    connection = connected(sandbox, admin)
    assert connection.state == ConnectionState.CONNECTED, connection.failure
    assert connection.verbs == {"describe": True, "members": True, "units": True}
    made = Organization.objects.get()
    assert (made.organization_id, made.management_account, made.connection) == (ORGANISATION, MANAGEMENT, connection)
    assert made.read_at is None
    assert organizations.due(timezone.now()) == [made.pk]
    assert "delegated administrator" in str(connection.report)


def test_a_role_that_may_not_list_accounts_is_refused_and_told_what_it_lacks(sandbox: "Sandbox", admin: Actor) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "organizations:Desc*", "Resource": "*"}]}
    sandbox.put_role_policy(PLATFORM, "fnshare-organization", "Members", document)
    connection = connected(sandbox, admin)
    assert connection.state == ConnectionState.REFUSED
    assert "organizations:ListAccounts" in connection.failure_next
    assert "delegated administrators" in connection.failure_next
    assert not Organization.objects.exists()


def test_a_role_made_before_units_were_read_stands_and_is_told_what_it_lacks(sandbox: "Sandbox", admin: Actor) -> None:
    allowed = ["organizations:DescribeOrganization", "organizations:ListAccounts"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": allowed, "Resource": "*"}]}
    sandbox.put_role_policy(PLATFORM, "fnshare-organization", "Members", document)
    connection = connected(sandbox, admin)
    assert (connection.state, connection.verbs["members"], connection.verbs["units"]) == ("connected", True, False)
    assert "organizations:ListAccountsForParent" in next(row["next"] for row in connection.report if "unit" in row["name"])
    organizations.read(Organization.objects.get().pk)
    read = organizations.read_units(Organization.objects.get().pk)
    assert read is not None
    assert (read.units_read_at, read.stale(timezone.now())) == (None, "")
    assert "organizations:ListRoots" in read.units_failure_next
    assert organizations.units_due(timezone.now()) == [], "it is asked again after the next read of the members"


def test_an_account_of_no_organisation_is_refused(sandbox: "Sandbox", admin: Actor) -> None:
    sandbox.add_to_organisation(PLATFORM, "")
    connection = connected(sandbox, admin)
    assert connection.state == ConnectionState.REFUSED
    assert connection.failure == "The account belongs to no organisation."


def test_a_role_that_does_not_demand_its_external_id_is_refused(sandbox: "Sandbox", admin: Actor) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": dashboard(sandbox)}, "Action": "sts:AssumeRole"}],
    }
    sandbox.put_trust(PLATFORM, "fnshare-organization", trust)
    connection = connected(sandbox, admin)
    assert connection.state == ConnectionState.REFUSED
    assert "without any ExternalId" in connection.failure


def test_one_organisation_is_read_through_one_role(organization: Organization, sandbox: "Sandbox", admin: Actor) -> None:
    sandbox.directory.administrators[ORGANISATION] = (MANAGEMENT, PLATFORM, ACME)
    worker = dashboard(sandbox)
    add_organization_role(sandbox, sandbox.account("Acme Retail"), [worker], "another-external-id", "second")
    connection = connecting.prepare(number=ACME, name="Acme", purpose=Purpose.ORGANIZATION, by=admin)
    connecting.register(connection, role_arn=f"arn:aws:iam::{ACME}:role/second", external_id="another-external-id", by=admin)
    tested = connecting.run_test(connection.pk)
    assert tested is not None
    assert tested.state == ConnectionState.REFUSED
    assert "is read already" in tested.failure
    assert Organization.objects.get().connection == organization.connection


@pytest.mark.parametrize("kind", ["cloudformation", "commands", "terraform"])
def test_the_role_to_make_may_do_these_things_only(kind: str, admin: Actor) -> None:
    connection = connecting.prepare(number=MANAGEMENT, name="Management", purpose=Purpose.ORGANIZATION, by=admin)
    text = {
        "cloudformation": connecting.cloudformation(connection, share=False),
        "commands": connecting.role_commands(connection, share=False),
        "terraform": connecting.terraform(connection),
    }[kind]
    assert set(re.findall(r"organizations:\w+", text)) == {
        "organizations:DescribeOrganization",
        "organizations:ListAccounts",
        "organizations:ListRoots",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListAccountsForParent",
    }
    assert text.count("organizations:") == 5
    assert "lambda:" not in text
    assert connection.external_id in text
    assert "fnshare-organization" in text


# Reading


def test_members_are_those_that_aws_lists(organization: Organization) -> None:
    assert numbers(left_at=None) == EVERYBODY
    row = OrganizationMember.objects.get(number=CLOSING)
    assert (row.name, row.status) == ("Old playground", "SUSPENDED")
    assert organization.read_at is not None
    assert organization.read_due_at is not None
    assert organization.read_due_at > timezone.now() + timedelta(hours=23)
    told = Event.objects.get(verb="organization.read")
    assert told.text == f"The members of organisation {ORGANISATION} were read: 5 accounts"
    assert organizations.due(timezone.now()) == []


def test_more_accounts_than_a_page_holds_are_all_read(sandbox: "Sandbox", organization: Organization) -> None:
    for number in range(45):
        sandbox.add_to_organisation(f"{900000000000 + number}", ORGANISATION)
    again(organization)
    assert OrganizationMember.objects.present().count() == 50
    joined = Event.objects.get(verb="organization.joined")
    assert joined.text == f"45 accounts joined organisation {ORGANISATION}"


def test_who_joins_leaves_or_is_suspended_is_told_each(sandbox: "Sandbox", organization: Organization) -> None:
    acme = factories.account("Acme Retail", ACME)
    sandbox.add_to_organisation(ACME, "")
    sandbox.add_to_organisation(INITECH, ORGANISATION)
    sandbox.set_state(GLOBEX, "SUSPENDED")
    again(organization)
    assert numbers(left_at=None) == EVERYBODY - {ACME} | {INITECH}
    assert OrganizationMember.objects.get(number=ACME).left_at is not None
    told = {one.verb: one for one in Event.objects.filter(verb__startswith="organization.").exclude(verb="organization.read")}
    assert told["organization.joined"].text == f"Initech ({INITECH}) joined organisation {ORGANISATION}"
    assert told["organization.left"].text == f"Acme Retail ({ACME}) left organisation {ORGANISATION}"
    assert told["organization.left"].account == acme, "so that it stands in the account's own history"
    assert told["organization.suspended"].text == f"Globex ({GLOBEX}) of organisation {ORGANISATION} is suspended"
    again(organization)
    assert Event.objects.filter(verb__startswith="organization.").count() == 4, "a quiet read tells nothing"


def test_who_comes_back_is_a_member_anew(sandbox: "Sandbox", organization: Organization) -> None:
    sandbox.add_to_organisation(ACME, "")
    again(organization)
    sandbox.add_to_organisation(ACME, ORGANISATION)
    again(organization)
    assert (
        list(OrganizationMember.objects.filter(number=ACME).order_by("first_seen_at").values_list("left_at", flat=True))[1]
        is None
    )
    assert organizations.organization_of(ACME) == ORGANISATION


def test_who_is_in_another_organisation_by_now_is_in_this_one_no_more(organization: Organization) -> None:
    other = Organization.objects.create(organization_id="o-elsewhere00", read_at=timezone.now() - timedelta(days=9))
    OrganizationMember.objects.create(organization=other, number=INITECH, name="Initech")
    OrganizationMember.objects.filter(number=ACME).update(organization=other)
    again(organization)
    assert numbers(left_at=None, organization=other) == {INITECH}
    assert numbers(left_at=None, organization=organization) == EVERYBODY


def test_a_list_that_breaks_off_changes_nothing_and_is_told_once(sandbox: "Sandbox", organization: Organization) -> None:
    for number in range(25):
        sandbox.add_to_organisation(f"{900000000000 + number}", ORGANISATION)
    sandbox.add_to_organisation(ACME, "")
    sandbox.faults.add("ListAccounts", code="AccessDeniedException", status=403, message="No.")
    failed = again(organization)
    assert numbers(left_at=None) == EVERYBODY
    assert "may not do" in failed.failure
    assert "organizations:ListAccounts" in failed.failure_next
    assert failed.failed_since is not None
    assert failed.read_at == organization.read_at, "its age stays"
    sandbox.faults.add("ListAccounts", code="AccessDeniedException", status=403, message="No.")
    assert again(organization).failed_since == failed.failed_since
    assert Event.objects.filter(verb="organization.unread").count() == 1
    done = again(organization)
    assert (done.failure, done.failed_since) == ("", None)
    assert ACME not in numbers(left_at=None)


def page(*accounts: str, token: str = "") -> aws.AccountPage:
    return aws.AccountPage([aws.ListedAccount(one, one, "ACTIVE") for one in accounts], token)


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ([page(PLATFORM)], "management account is missing"),
        ([page()], "management account is missing"),
        ([page(PLATFORM, MANAGEMENT, token="a"), page(token="a"), page(token="a")], "could not be understood"),
    ],
    ids=["without the management account", "empty", "going round in circles"],
)
def test_a_list_that_cannot_be_whole_is_none(
    organization: Organization, monkeypatch: pytest.MonkeyPatch, pages: list[aws.AccountPage], words: str
) -> None:
    rest: Iterator[aws.AccountPage] = iter(pages)
    monkeypatch.setattr(aws.Organizations, "page", lambda self, token="": next(rest))
    assert words in again(organization).failure
    assert numbers(left_at=None) == EVERYBODY


def test_a_role_that_moved_to_another_organisation_reads_nobody_out_of_this_one(
    sandbox: "Sandbox", organization: Organization
) -> None:
    sandbox.found_organisation("o-elsewhere00", MANAGEMENT, PLATFORM)
    sandbox.add_to_organisation(PLATFORM, "o-elsewhere00")
    assert "o-elsewhere00 now" in again(organization).failure
    assert numbers(left_at=None) == EVERYBODY


def test_a_read_is_made_once_however_often_it_is_queued(organization: Organization, sandbox: "Sandbox") -> None:
    sandbox.journal.clear()
    assert organizations.read(organization.pk) is None
    assert not sandbox.journal.calls


def test_a_worker_that_died_reading_is_followed_by_another(organization: Organization) -> None:
    Organization.objects.filter(pk=organization.pk).update(read_due_at=timezone.now() + timedelta(minutes=10))
    assert organizations.due(timezone.now()) == []
    assert organizations.due(timezone.now() + timedelta(minutes=11)) == [organization.pk]


def test_an_older_list_never_replaces_a_newer_one(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(self: aws.Organizations, token: str = "") -> aws.AccountPage:
        Organization.objects.filter(pk=organization.pk).update(read_at=timezone.now())  # another worker was quicker
        return page(PLATFORM, MANAGEMENT)

    monkeypatch.setattr(aws.Organizations, "page", slow)
    again(organization)
    assert numbers(left_at=None) == EVERYBODY


def test_whoever_changes_things_and_sees_everything_may_have_it_read(organization: Organization) -> None:
    for person in (factories.person("auditor"), factories.person("owner", accounts=[factories.account()])):
        with pytest.raises(NotPermitted):
            organizations.request_read(organization, by=Actor.of(person))
    wanted = organizations.request_read(organization, by=Actor.of(factories.person("owner")))
    assert wanted.read_wanted_at is not None
    assert (
        organizations.request_read(organization, by=Actor.of(factories.person("admin"))).read_wanted_at == wanted.read_wanted_at
    )
    assert organizations.due(timezone.now()) == [organization.pk]
    done = organizations.read(organization.pk)
    assert done is not None
    assert done.read_wanted_at is None


def test_what_is_not_connected_is_not_read(organization: Organization, admin: Actor) -> None:
    assert organization.connection is not None
    connecting.pause(organization.connection, by=admin)
    with pytest.raises(Refusal, match="not connected"):
        organizations.request_read(organization, by=admin)
    Organization.objects.update(read_due_at=timezone.now())
    assert organizations.due(timezone.now()) == []
    assert organizations.read(organization.pk) is None


# Knowing


def test_active_members_are_proved(organization: Organization) -> None:
    assert organizations.organization_of(ACME) == ORGANISATION
    assert organizations.organization_of(INITECH) is None
    assert organizations.organization_of(CLOSING) is None, "a suspended account proves nothing"
    assert organizations.organization_of("") is None
    assert organizations.organizations_of([ACME, INITECH, GLOBEX]) == {ACME: ORGANISATION, GLOBEX: ORGANISATION}
    assert {one.number for one in organizations.members(ORGANISATION)} == EVERYBODY


OTHER = "o-someoneelse1"


def test_the_known_belong_the_rest_of_a_whole_list_does_not_and_others_are_unknown(organization: Organization) -> None:
    known = organizations.known()
    table = {
        (ACME, ORGANISATION): Answer.YES,
        (CLOSING, ORGANISATION): Answer.YES,
        (ACME, f"{ORGANISATION}/r-ab12/ou-ab12-11111111/"): Answer.DEPENDS,
        (ACME, OTHER): Answer.NO,
        (INITECH, ORGANISATION): Answer.NO,
        (INITECH, f"{ORGANISATION}/r-ab12/ou-ab12-11111111/"): Answer.NO,
        (INITECH, OTHER): Answer.DEPENDS,
        (ACME, "o-*"): Answer.DEPENDS,
        (INITECH, "the owner's own organisation"): Answer.DEPENDS,
    }
    assert {asked: known.is_in(*asked) for asked in table} == table
    assert known.of(ACME).home == ORGANISATION
    assert known.of(INITECH).outside == (ORGANISATION,)
    assert "as read at" in known.of(ACME).words


STALE: dict[str, dict[str, Any]] = {
    "old": {"read_at": timedelta(hours=49)},
    "failing": {"failure": "The role may not do organizations:ListAccounts."},
    "paused": {"state": ConnectionState.PAUSED},
    "disconnected": {"state": ConnectionState.DISCONNECTED},
    "never read": {"read_at": None},
}


@pytest.mark.parametrize("why", STALE)
def test_what_is_not_fresh_is_unknown_and_says_why(organization: Organization, why: str) -> None:
    change = dict(STALE[why])
    if "state" in change:
        Connection.objects.update(state=change.pop("state"))
    if isinstance(change.get("read_at"), timedelta):
        change["read_at"] = timezone.now() - change["read_at"]
    Organization.objects.update(**change)
    known = organizations.known()
    assert known.is_in(ACME, ORGANISATION) is Answer.DEPENDS
    assert known.is_in(INITECH, ORGANISATION) is Answer.DEPENDS
    assert organizations.organization_of(ACME) is None
    assert not known
    assert known.of(ACME).home is None
    assert "When it was last read, it belonged" in known.of(ACME).words
    assert "is not known" in known.of(INITECH).words


def test_without_any_organisation_nothing_is_said() -> None:
    assert organizations.known() == organizations.UNKNOWN
    assert organizations.known().of(ACME) == organizations.Belonging()
