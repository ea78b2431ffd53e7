"""Connecting every account of an organisation: the template, who is tried when, who leaves, and what that stops."""

import json
import shlex
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore import xform_name
from django.utils import timezone

from sharing.aws import proving
from sharing.aws.errors import Unavailable
from sharing.aws.organizations import Described, ListedAccount
from sharing.aws.session import RoleRef
from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Event,
    Finding,
    Joiner,
    JoinerState,
    Joining,
    Organization,
    OrganizationMember,
    Purpose,
    Role,
)
from sharing.services import connecting, granting, joining, organizations
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.findings import refreshing
from sharing.services.granting.door import NoWayIn, way_into
from sharing.services.joining.trying import PAUSES
from sharing.services.organizations.keeping import keep
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

FIRST, SECOND, THIRD = "888800003331", "888800003332", "888800003333"


@pytest.fixture
def admin() -> Actor:
    return Actor.of(factories.person("admin"))


@pytest.fixture
def organization() -> Organization:
    return factories.organization(FIRST, SECOND)


@pytest.fixture
def started(organization: Organization, admin: Actor) -> Joining:
    return joining.start(organization, manager=True, checker=False, regions=["us-east-1"], by=admin)


def closed(monkeypatch: pytest.MonkeyPatch, accepts: Callable[[RoleRef, str], bool] = lambda *_: False) -> list[str]:
    """No role anywhere, or as `accepts` says; the ExternalIds that were tried."""
    tried: list[str] = []

    def answer(role: RoleRef, external_id: str) -> bool:
        tried.append(external_id)
        return accepts(role, external_id)

    monkeypatch.setattr(proving, "accepts", answer)
    return tried


def run(held: Joining) -> bool:
    return joining.run(held.pk, apart=0)


def now_due(**which: Any) -> None:
    Joiner.objects.filter(**which).update(next_try_at=timezone.now())


def at(number: str) -> Joiner:
    return Joiner.objects.get(number=number)


def read_again(organization: Organization, **listed: str) -> None:
    """The members are these now, by state; keyword `a888...`."""
    accounts = [ListedAccount(number[1:], f"Member {number[1:]}", state) for number, state in listed.items()]
    held = Organization.objects.select_related("connection__account").get(pk=organization.pk)
    keep(held, Described(held.organization_id, "888800001111"), accounts, now=timezone.now())
    held.read_at = timezone.now()
    held.save()


# The template


def resolved(value: Any, number: str, principal: str) -> Any:
    """A template's value as CloudFormation resolves it in one account."""
    if isinstance(value, list):
        return [resolved(one, number, principal) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return principal
    if set(value) == {"Fn::Sub"}:
        return value["Fn::Sub"].replace("${AWS::AccountId}", number)
    if set(value) == {"Fn::Join"}:
        return principal.rpartition(":")[0] + ":root"
    if set(value) == {"Fn::Select"}:
        return principal.split(":")[4]
    return {key: resolved(one, number, principal) for key, one in value.items()}


def roles_in(held: Joining, number: str, principal: str = "arn:aws:iam::777788889999:role/worker") -> dict[str, Any]:
    """The properties of each role that the template makes in this account, by name."""
    template = resolved(json.loads(connecting.stack_template(held)), number, principal)
    return {one["Properties"]["RoleName"]: one["Properties"] for one in template["Resources"].values()}


def test_one_template_makes_the_roles_of_every_account_with_an_external_id_of_its_own(started: Joining, admin: Actor) -> None:
    both = joining.start(started.organization, manager=True, checker=True, share=True, wire=True, by=admin)
    text = connecting.stack_template(both)
    assert len(text.encode()) < 51_200
    assert FIRST not in text
    for number in (FIRST, SECOND):
        roles = roles_in(both, number)
        assert set(roles) == {"fnshare-manager", "fnshare-checker"}
        for name, role in roles.items():
            (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
            external_id = f"{name}-{both.mark}-{number}"
            assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": external_id}}
            assert both.external_id(name.removeprefix("fnshare-"), number) == external_id
            assert connecting.role_arn_in(number, Purpose(name.removeprefix("fnshare-")), "aws").endswith(f":role/{name}")
        assert f"arn:aws:lambda:*:{number}:function:*" in str(roles["fnshare-manager"]["Policies"])
        assert {one["PolicyName"] for one in roles["fnshare-manager"]["Policies"]} == {
            "fnshare-read",
            "fnshare-share",
            "fnshare-mappings",
        }
        denied = str(roles["fnshare-manager"]["Policies"])
        assert "arn:aws:iam::777788889999:role/worker" in denied
        check = str(roles["fnshare-checker"]["Policies"])
        assert "aws:ResourceOrgID" in check
        assert f"'Effect': 'Deny', 'Action': 'lambda:*', 'Resource': 'arn:aws:lambda:*:{number}:*'" in check
    assert len(both.mark) == 40, "nobody outside guesses it"


def test_the_read_stage_alone_changes_nothing(started: Joining) -> None:
    (role,) = roles_in(started, FIRST).values()
    assert [one["PolicyName"] for one in role["Policies"]] == ["fnshare-read"]
    assert "AddPermission" not in str(role)


def test_the_commands_name_the_units_and_the_management_account_has_its_own(started: Joining, admin: Actor) -> None:
    everybody = connecting.stackset_commands(started)
    assert "list-roots" in everybody
    assert "--permission-model SERVICE_MANAGED" in everybody
    assert "CAPABILITY_NAMED_IAM" in everybody
    assert "create-stack-set" not in connecting.stack_commands(started)
    assert "create-stack --stack-name fnshare-roles" in connecting.stack_commands(started)
    units = ["ou-ab12-c3d4e5f6", "OU-ab12-c3d4e5f7"]
    some = joining.start(started.organization, manager=True, checker=False, units=units, by=admin)
    assert "OrganizationalUnitIds=ou-ab12-c3d4e5f6,ou-ab12-c3d4e5f7 " in connecting.stackset_commands(some)


def test_every_call_of_the_commands_is_one_that_aws_knows(started: Joining) -> None:
    loader = botocore.session.get_session()
    calls = 0
    for line in (connecting.stackset_commands(started) + connecting.stack_commands(started)).splitlines():
        if not line.removeprefix("# ").startswith("aws cloudformation "):
            continue
        words = shlex.split(line.removeprefix("# "))
        calls += 1
        model = loader.get_service_model("cloudformation")
        operation = next(name for name in model.operation_names if xform_name(name, "-") == words[2])
        shape = model.operation_model(operation).input_shape
        known = {xform_name(name, "-") for name in shape.members} if shape else set()
        asked = {word.removeprefix("--") for word in words[3:] if word.startswith("--")} - {"region"}
        assert asked <= known, line
    assert calls == 5


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"manager": False, "checker": False}, "manager"),
        ({"manager": False, "checker": True, "share": True}, "share"),
        ({"manager": True, "checker": False, "units": ["ou-1; rm -rf"]}, "units"),
        ({"manager": True, "checker": False, "regions": ["nowhere-9"]}, "regions"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(
    organization: Organization, admin: Actor, asked: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        joining.start(organization, **asked, by=admin)
    assert refused.value.field == field
    assert not Joining.objects.exists()


def test_only_admins_decide_and_twice_is_once(started: Joining, admin: Actor) -> None:
    owner = Actor.of(factories.person(Role.OWNER))
    asked: tuple[Callable[[], Any], ...] = (
        lambda: joining.pause(started, by=owner),
        lambda: joining.start(started.organization, manager=True, checker=False, by=owner),
    )
    for act in asked:
        with pytest.raises(NotPermitted):
            act()
    events = Event.objects.count()
    again = joining.start(started.organization, manager=True, checker=False, regions=["us-east-1"], by=admin)
    assert (again.pk, again.mark) == (started.pk, started.mark)
    assert Event.objects.count() == events


# Trying


def test_accounts_connect_by_themselves_and_each_with_its_own_external_id_only(sandbox: "Sandbox", admin: Actor) -> None:
    worker = next(one for one in sandbox.accounts if one.kind == "dashboard")
    principal = f"arn:aws:iam::{worker.id}:root"
    for number in (FIRST, SECOND, THIRD):
        sandbox.add_account(number, f"Team {number[-1]}", "owner", regions=["us-east-1"])
    held = joining.start(
        factories.organization(FIRST, SECOND, THIRD), manager=True, checker=False, regions=["us-east-1"], by=admin
    )

    def make(number: str, of: str, name: str = "fnshare-manager") -> None:
        own, other = roles_in(held, number, principal)[name], roles_in(held, of, principal)[name]
        policies = {one["PolicyName"]: one["PolicyDocument"] for one in own["Policies"]}
        sandbox.add_role(number, name, trust=other["AssumeRolePolicyDocument"], policies=policies)

    make(FIRST, FIRST)
    make(SECOND, THIRD)  # another member's ExternalId
    assert not run(held)
    made = Connection.objects.get(purpose=Purpose.MANAGER)
    assert (made.account.number, made.account.name, made.state) == (FIRST, f"Member {FIRST}", ConnectionState.CONNECTED), (
        made.failure
    )
    assert made.external_id == held.external_id("manager", FIRST)
    assert made.verbs["read"]
    assert not made.verbs["share"]
    assert [at(number).state for number in (FIRST, SECOND, THIRD)] == ["connected", "waiting", "waiting"]
    assert Event.objects.filter(verb="organization.account-joined").count() == 1
    open_to_all = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}],
    }
    sandbox.put_trust(SECOND, "fnshare-manager", open_to_all)
    now_due(number=SECOND)
    run(held)
    assert at(SECOND).state == JoinerState.REFUSED
    assert "without any ExternalId" in at(SECOND).failure
    role = roles_in(held, SECOND, principal)["fnshare-manager"]
    sandbox.put_trust(SECOND, "fnshare-manager", role["AssumeRolePolicyDocument"])
    now_due(number=SECOND)
    run(held)
    assert at(SECOND).state == JoinerState.CONNECTED, "a role that was mended is found by itself"
    factories.connection(factories.account("Platform", "444455556666"))
    sandbox.add_to_organisation(FIRST, held.organization.organization_id)
    held = joining.start(held.organization, manager=True, checker=True, by=admin)
    make(FIRST, FIRST, "fnshare-checker")
    run(held)
    assert at(FIRST).state == JoinerState.CONNECTED
    checker = Connection.objects.get(purpose=Purpose.CHECKER)
    assert checker.external_id == held.external_id("checker", FIRST)
    outcomes = {row["name"]: row["outcome"] for row in checker.report}
    assert outcomes["lambda:InvokeFunction in Platform"] == "ok", "a function of a member"
    assert outcomes["Never its own functions"] == "ok"


def test_an_account_without_its_role_is_tried_ever_less_often_at_last_once_a_day(
    started: Joining, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = closed(monkeypatch)
    waits = []
    for _ in range(len(PAUSES) + 2):
        run(started)
        row = at(FIRST)
        assert row.next_try_at is not None
        assert row.tried_at is not None
        waits.append((row.next_try_at - row.tried_at).total_seconds())
        run(started)  # nobody is due: nobody is tried
        now_due(number=FIRST)
    assert waits == sorted(waits)
    assert waits[-1] == 24 * 3600
    assert tried.count(started.external_id("manager", FIRST)) == len(waits)
    assert tried.count(started.external_id("manager", SECOND)) == 1
    assert not Account.objects.filter(number=FIRST).exists(), "an account is known here once a role let us in"


def test_new_accounts_join_and_those_not_active_are_left_alone(
    started: Joining, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = closed(monkeypatch)
    run(started)
    read_again(organization, **{f"a{FIRST}": "SUSPENDED", f"a{THIRD}": "ACTIVE", "a888800003334": "PENDING_ACTIVATION"})
    assert joining.due(timezone.now()) == [started.pk]
    tried.clear()
    run(started)
    assert tried == [started.external_id("manager", THIRD)]
    assert {one.number: one.state for one in Joiner.objects.all()} == {
        FIRST: "gone",
        SECOND: "gone",
        THIRD: "waiting",
        "888800003334": "waiting",
    }
    read_again(organization, **{f"a{FIRST}": "ACTIVE", f"a{SECOND}": "ACTIVE", "a888800003334": "ACTIVE"})
    tried.clear()
    run(started)
    assert {external_id[-12:] for external_id in tried} == {FIRST, SECOND, "888800003334"}


def test_a_batch_stops_when_aws_is_away_and_goes_on_later(started: Joining, monkeypatch: pytest.MonkeyPatch) -> None:
    read_again(started.organization, **{f"a88880000{one}": "ACTIVE" for one in range(5000, 5010)})

    def away(*_: Any) -> bool:
        raise Unavailable("AWS gave no answer.", next="", code="NoConnection", operation="AssumeRole")

    monkeypatch.setattr(proving, "accepts", away)
    assert not run(started)
    started.refresh_from_db()
    assert "no answer" in started.failure
    assert joining.due(timezone.now()) == []
    assert joining.due(timezone.now() + timedelta(minutes=6)) == [started.pk]
    assert Joiner.objects.filter(tries=0).count() == 10, "nobody's fault"


def test_one_worker_tries_at_a_time_and_a_dead_one_is_followed_by_another(
    started: Joining, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = closed(monkeypatch)
    Joining.objects.update(lease_until=timezone.now() + timedelta(minutes=5))
    assert not run(started)
    assert joining.due(timezone.now()) == []
    assert not tried
    Joining.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    run(started)
    assert len(tried) == 2


def test_paused_or_left_out_nobody_is_tried_and_taken_in_again_they_are(
    started: Joining, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = closed(monkeypatch)
    joining.pause(started, by=admin)
    run(started)
    assert not tried
    joining.resume(started, by=admin)
    run(started)
    with pytest.raises(Refusal, match="reason"):
        joining.leave_out(at(FIRST), reason=" ", by=admin)
    joining.leave_out(at(FIRST), reason="A lab", by=admin)
    joining.leave_out(at(FIRST), reason="A lab", by=admin)
    assert Event.objects.filter(verb="organization.account-left-out").count() == 1
    now_due()
    tried.clear()
    run(started)
    assert tried == [started.external_id("manager", SECOND)]
    joining.take_in(at(FIRST), by=admin)
    run(started)
    assert tried[-1] == started.external_id("manager", FIRST)


def test_left_out_while_aws_is_asked_nothing_is_connected(
    started: Joining, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*_: object) -> bool:
        joining.leave_out(at(FIRST), reason="A lab", by=admin)
        return True

    closed(monkeypatch, answer)
    Joiner.objects.create(joining=started, number=FIRST, member=OrganizationMember.objects.get(number=FIRST))
    Joining.objects.update(followed_at=started.organization.read_at)
    run(started)
    assert at(FIRST).state == JoinerState.LEFT_OUT
    assert not Connection.objects.filter(account__number=FIRST).exists()


def test_an_account_that_is_connected_by_hand_is_taken_as_it_is(started: Joining, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = closed(monkeypatch)
    by_hand = factories.connection(factories.account("Ours", FIRST))
    run(started)
    assert at(FIRST).state == JoinerState.CONNECTED
    assert tried == [started.external_id("manager", SECOND)]
    external_id = by_hand.external_id
    by_hand.refresh_from_db()
    assert by_hand.external_id == external_id
    assert by_hand.account.name == "Ours"


def test_who_disconnects_an_account_does_not_find_it_connected_again(
    started: Joining, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = closed(monkeypatch, lambda *_: True)
    connection = factories.connection(factories.account("Ours", FIRST))
    Joiner.objects.create(
        joining=started, number=FIRST, member=OrganizationMember.objects.get(number=FIRST), state=JoinerState.CONNECTED
    )
    connecting.disconnect(connection, by=admin)
    assert at(FIRST).state == JoinerState.LEFT_OUT
    assert "disconnected its manager role" in at(FIRST).failure
    Joiner.objects.exclude(number=FIRST).delete()
    Joining.objects.update(followed_at=started.organization.read_at)
    run(started)
    assert not tried


def test_another_role_sends_everybody_back_to_waiting_and_says_which_is_missing(
    started: Joining, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(monkeypatch)
    factories.connection(factories.account("Ours", FIRST))
    run(started)
    joining.start(started.organization, manager=True, checker=True, by=admin)
    run(started)
    assert at(FIRST).state == JoinerState.WAITING
    assert at(FIRST).failure == "Manager role connected; not there yet: fnshare-checker."


# Leaving


@pytest.mark.parametrize(("state", "words"), [("", "not in organisation"), ("SUSPENDED", "suspended"), ("CLOSED", "closed")])
def test_reads_and_writes_stop_for_an_account_that_left_or_ended_and_revokes_do_not(
    organization: Organization, admin: Actor, state: str, words: str
) -> None:
    account = factories.account("Team", FIRST)
    manager = factories.connection(account)
    checker = factories.connection(account, Purpose.CHECKER)
    grant = factories.grant(factories.function("hello", account))
    read_again(organization, **({f"a{FIRST}": state} if state else {}), **{f"a{SECOND}": "ACTIVE"})
    manager.refresh_from_db()
    checker.refresh_from_db()
    assert {manager.state, checker.state} == {ConnectionState.PAUSED}
    assert words in manager.paused_because
    with pytest.raises(Refusal, match="is paused"):
        connecting.manager_of(account)
    with pytest.raises(NoWayIn):
        way_into(account)
    assert way_into(account, taking=True) == manager
    assert granting.way_in_problem(grant.policy) is not None
    assert granting.revoke(grant, by=admin).state == "revoking"
    organization.refresh_from_db()
    assert organization.connection is not None
    assert organization.connection.state == ConnectionState.CONNECTED


def test_a_share_is_taken_back_through_the_role_of_an_account_that_left(sandbox: "Sandbox") -> None:
    estate = Estate(sandbox)
    hello = estate.policy("hello_world")
    grant = estate.shared(hello)
    Connection.objects.filter(account=estate.owner).update(state="paused", paused_because="It left.")
    asked = estate.settle(estate.share(hello, "222233334444")) if granting.way_in_problem(hello) is None else None
    assert asked is None, "nothing new is given"
    assert estate.settle(granting.revoke(grant, by=estate.by)).state == "revoked"
    assert estate.sids(hello) == []


def test_a_pause_by_hand_holds_back_revokes_as_before(organization: Organization, admin: Actor) -> None:
    account = factories.account("Team", FIRST)
    connecting.pause(factories.connection(account), by=admin)
    with pytest.raises(NoWayIn):
        way_into(account, taking=True)


def test_whoever_comes_back_goes_on_and_a_decision_to_resume_is_not_fought(organization: Organization, admin: Actor) -> None:
    first = factories.connection(factories.account("One", FIRST))
    second = factories.connection(factories.account("Two", SECOND))
    by_hand = connecting.pause(factories.connection(factories.account("Three", THIRD)), by=admin)
    read_again(organization, **{f"a{SECOND}": "SUSPENDED"})
    second = connecting.resume(Connection.objects.get(pk=second.pk), by=admin)
    assert (second.state, second.paused_because) == (ConnectionState.CONNECTED, "")
    read_again(organization, **{f"a{SECOND}": "SUSPENDED", f"a{FIRST}": "ACTIVE", f"a{THIRD}": "ACTIVE"})
    states = {one.account.number: one for one in Connection.objects.filter(purpose=Purpose.MANAGER).select_related("account")}
    assert states[SECOND].state == ConnectionState.CONNECTED
    assert (states[FIRST].state, states[FIRST].paused_because) == (ConnectionState.CONNECTED, "")
    assert states[FIRST].test_wanted_at is not None
    assert states[THIRD].state == ConnectionState.PAUSED == by_hand.state
    assert first.pk == states[FIRST].pk


def test_whoever_moved_to_another_known_organisation_is_not_stopped(organization: Organization) -> None:
    factories.connection(factories.account("One", FIRST))
    OrganizationMember.objects.filter(number=FIRST).update(left_at=timezone.now())
    factories.organization(FIRST, organization_id="o-b2c3d4e5f6g7")
    read_again(organization, **{f"a{SECOND}": "ACTIVE"})
    assert Connection.objects.get(account__number=FIRST).state == ConnectionState.CONNECTED
    assert not list(organizations.departed())


def departure() -> Finding | None:
    assert not refreshing.refresh(now=timezone.now())
    return Finding.objects.filter(rule="organization-account-left", state="open").first()


def test_an_account_that_left_is_a_finding_with_access_both_ways_until_nothing_is_left(organization: Organization) -> None:
    read_again(organization, **{f"a{SECOND}": "ACTIVE"})
    assert departure() is None, "nothing was ever shared with it, and nothing of it"
    inwards = factories.grant(to=FIRST)
    found = departure()
    assert found is not None
    assert (found.severity, found.account) == (3, None)
    assert f"Member {FIRST} ({FIRST}) left organisation {organization.organization_id}" in found.text
    assert "1 share made here" in found.text
    outwards = factories.grant(factories.function("theirs", factories.account("Team", FIRST)), THIRD)
    found = departure()
    assert found is not None
    assert "Others are let in by no policy of its own, as last read, and 1 share made here." in found.text
    for grant in (inwards, outwards):
        grant.state = "revoked"
        grant.save()
    assert departure() is None


def test_the_queries_of_leaving_do_not_grow(organization: Organization, django_assert_num_queries: Any) -> None:
    def left(numbers: range) -> None:
        rows = [
            OrganizationMember(organization=organization, number=f"{100_000_000_000 + one}", left_at=timezone.now())
            for one in numbers
        ]
        OrganizationMember.objects.bulk_create(rows)

    left(range(3))
    with django_assert_num_queries(10):
        list(organizations.departed())
    left(range(3, 300))
    with django_assert_num_queries(10):
        list(organizations.departed())


# Disconnecting


def test_shares_that_stay_are_accepted_as_they_were_seen_or_nothing_ends(admin: Actor) -> None:
    connection = factories.connection()
    grant = factories.grant(factories.function("hello", connection.account), ends_at=timezone.now() + timedelta(days=3))
    with pytest.raises(Refusal, match="1 share would stay, which nobody accepted"):
        connecting.disconnect(connection, by=admin)
    seen = connecting.what_stays(connection).mark
    factories.grant(factories.function("another", connection.account))
    with pytest.raises(Refusal, match="2 shares would stay"):
        connecting.disconnect(connection, by=admin, seen=seen)
    connection.refresh_from_db()
    assert connection.state == ConnectionState.CONNECTED
    grant.ends_at = timezone.now() + timedelta(days=300)
    grant.save()
    assert connecting.what_stays(connection).mark != seen
    ended = connecting.disconnect(connection, by=admin, seen=connecting.what_stays(connection).mark)
    assert ended.state == ConnectionState.DISCONNECTED
    assert Event.objects.get(verb="connection.disconnected").detail["accepted"] == 2


def test_ending_the_organisation_needs_each_share_with_it_accepted(started: Joining, admin: Actor) -> None:
    connection = started.organization.connection
    assert connection is not None
    assert "New accounts do not join any more" in connecting.what_stays(connection).sentence
    grant = factories.grant()
    type(grant).objects.update(
        principal_kind="organization", principal=started.organization.organization_id, principal_account=""
    )
    stays = connecting.what_stays(connection)
    assert [one.pk for one in stays.grants] == [grant.pk]
    with pytest.raises(Refusal, match="nobody accepted"):
        connecting.disconnect(connection, by=admin)
    connecting.disconnect(connection, by=admin, seen=stays.mark)
    assert joining.due(timezone.now()) == []
