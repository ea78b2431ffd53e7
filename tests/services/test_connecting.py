"""Connecting accounts: roles are proved before they are used, and everything a person should know is on the row."""

import json
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from sharing.aws import session
from sharing.aws.errors import Unavailable
from sharing.models import Account, Actor, Connection, ConnectionState, Event, Installation, Purpose
from sharing.services import connecting
from sharing.services.errors import NotPermitted, Refusal
from tests import factories

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

READS = [
    ("read", "lambda:GetPolicy"),
    ("aliases", "lambda:ListAliases"),
    ("confirm", "lambda:GetFunctionConfiguration"),
    ("versions", "lambda:ListVersionsByFunction"),
    ("tags", "lambda:ListTags"),
    ("urls", "lambda:ListFunctionUrlConfigs"),
    ("mappings", "lambda:ListEventSourceMappings"),
    ("share", "lambda:AddPermission"),
    ("revoke", "lambda:RemovePermission"),
]


@pytest.fixture
def admin() -> Actor:
    return Actor.of(factories.person("admin"))


class Place:
    """The story's owner and a consumer, with words for trying their roles."""

    def __init__(self, sandbox: "Sandbox", admin: Actor) -> None:
        self.sandbox = sandbox
        self.admin = admin
        self.owner = next(account for account in sandbox.accounts if account.kind == "owner")
        self.consumer = next(account for account in sandbox.accounts if account.kind == "consumer")

    def prepared(self, purpose: str = Purpose.MANAGER, regions: tuple[str, ...] = ("us-east-1", "eu-west-1")) -> Connection:
        known = self.owner if purpose == Purpose.MANAGER else self.consumer
        chosen = regions if purpose == Purpose.MANAGER else ()
        return connecting.prepare(number=known.id, name=known.name, purpose=purpose, by=self.admin, regions=chosen)

    def registered(self, purpose: str = Purpose.MANAGER, **asked: Any) -> Connection:
        known = self.owner if purpose == Purpose.MANAGER else self.consumer
        role = known.manager_role_arn or known.checker_role_arn
        return connecting.register(self.prepared(purpose, **asked), role_arn=role, external_id=known.external_id, by=self.admin)

    def tested(self, purpose: str = Purpose.MANAGER, **asked: Any) -> Connection:
        return self.run(self.registered(purpose, **asked))

    def run(self, connection: Connection) -> Connection:
        connecting.request_test(connection, by=self.admin)
        done = connecting.run_test(connection.pk)
        assert done is not None
        return done

    def trust(self, condition: dict[str, Any] | None) -> dict[str, Any]:
        worker = session.identify().arn
        statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": worker}, "Action": "sts:AssumeRole"}
        if condition:
            statement["Condition"] = condition
        return {"Version": "2012-10-17", "Statement": [statement]}

    def manager_without(self, *actions: str) -> None:
        """Take actions out of the manager role's policy."""
        from sharing.sandbox.story.roles import manager_policy

        dashboard = self.sandbox.account("fnshare")
        document = manager_policy(self.owner.id, dashboard.id, [])
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow":
                statement["Action"] = [action for action in statement["Action"] if action not in actions]
        document["Statement"] = [one for one in document["Statement"] if one["Action"]]
        self.sandbox.put_role_policy(self.owner.id, "fnshare-manager", "ReadAndShare", document)


@pytest.fixture
def place(sandbox: "Sandbox", admin: Actor) -> Place:
    return Place(sandbox, admin)


def rows(connection: Connection, outcome: str) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in connection.report if row["outcome"] == outcome}


# Preparing


def test_an_account_awaits_its_role_with_an_external_id_of_ours(admin: Actor) -> None:
    one = connecting.prepare(number="4444 5555 6666", name="  Platform ", purpose=Purpose.MANAGER, by=admin)
    other = connecting.prepare(number="444455556666", name="Platform", purpose=Purpose.CHECKER, by=admin)
    assert one.account == other.account == Account.objects.get(number="444455556666", name="Platform")
    assert one.state == ConnectionState.AWAITED
    assert one.external_id != other.external_id
    assert len(one.external_id) >= 32
    assert one.external_id_ours


def test_preparing_twice_keeps_the_external_id(admin: Actor) -> None:
    one = connecting.prepare(number="444455556666", name="Platform", purpose=Purpose.MANAGER, by=admin)
    again = connecting.prepare(
        number="444455556666", name="Platform team", purpose=Purpose.MANAGER, by=admin, regions=["us-east-1"]
    )
    assert (again.pk, again.external_id, again.regions) == (one.pk, one.external_id, ["us-east-1"])
    assert Account.objects.get().name == "Platform team"


@pytest.mark.parametrize("number", ["44445555666", "4444555566667", "44445555666x", "", "４４４４５５５５６６６６"])
def test_an_account_id_has_twelve_digits(admin: Actor, number: str) -> None:
    with pytest.raises(Refusal, match="exactly 12 digits"):
        connecting.prepare(number=number, name="X", purpose=Purpose.MANAGER, by=admin)
    assert not Account.objects.exists()


@pytest.mark.parametrize(("region", "meant"), [("us-east1", "us-east-1"), ("eu-wset-1", "eu-west-1")])
def test_an_unknown_region_is_refused_with_a_suggestion(admin: Actor, region: str, meant: str) -> None:
    with pytest.raises(Refusal, match=f"Did you mean {meant}"):
        connecting.prepare(number="444455556666", name="X", purpose=Purpose.MANAGER, by=admin, regions=[region])


def test_a_region_of_another_partition_is_unknown(admin: Actor) -> None:
    with pytest.raises(Refusal, match="not a region of partition aws"):
        connecting.prepare(number="444455556666", name="X", purpose=Purpose.MANAGER, by=admin, regions=["cn-north-1"])


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b"])
def test_an_account_needs_a_name(admin: Actor, name: str) -> None:
    with pytest.raises(Refusal, match="needs a name"):
        connecting.prepare(number="444455556666", name=name, purpose=Purpose.MANAGER, by=admin)


@pytest.mark.parametrize("role", ["owner", "auditor"])
def test_only_admins_connect(role: str) -> None:
    with pytest.raises(NotPermitted):
        connecting.prepare(number="444455556666", name="X", purpose=Purpose.MANAGER, by=Actor.of(factories.person(role)))


def test_another_partition_than_the_installations_is_refused(admin: Actor) -> None:
    Installation.objects.create(pk=1, worker_arn="arn:aws:iam::777788889999:user/w", worker_account="777788889999")
    with pytest.raises(Refusal, match="works in partition aws"):
        connecting.prepare(number="444455556666", name="X", purpose=Purpose.MANAGER, by=admin, partition="aws-cn")


# Registering


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        ("arn:aws:iam::111122223333:role/fnshare-manager", "belongs to account 111122223333"),
        ("arn:aws:iam::444455556666:user/worker", "not the ARN of an IAM role"),
        ("arn:aws:sts::444455556666:assumed-role/r/s", "not the ARN of an IAM role"),
        ("arn:aws-cn:iam::444455556666:role/r", "in partition aws-cn"),
        ("fnshare-manager", "not an ARN"),
        ("", "not an ARN"),
        (f"arn:aws:iam::444455556666:role/{'r' * 65}", "not the ARN of an IAM role"),
    ],
)
def test_what_is_no_role_of_the_account_is_refused(admin: Actor, arn: str, words: str) -> None:
    connection = connecting.prepare(number="444455556666", name="X", purpose=Purpose.MANAGER, by=admin)
    with pytest.raises(Refusal, match=words):
        connecting.register(connection, role_arn=arn, by=admin)


@pytest.mark.parametrize("external_id", ["x", "two words", "ümlaut-external-id", "x" * 1225])
def test_an_external_id_that_aws_would_refuse_is_refused(admin: Actor, external_id: str) -> None:
    connection = connecting.prepare(number="444455556666", name="X", purpose=Purpose.MANAGER, by=admin)
    with pytest.raises(Refusal, match="AWS accepts no such ExternalId"):
        connecting.register(connection, role_arn="arn:aws:iam::444455556666:role/r", external_id=external_id, by=admin)


def test_an_external_id_of_another_connection_is_refused(admin: Actor) -> None:
    first = connecting.prepare(number="444455556666", name="X", purpose=Purpose.MANAGER, by=admin)
    other = connecting.prepare(number="111122223333", name="Y", purpose=Purpose.MANAGER, by=admin)
    with pytest.raises(Refusal, match="Another connection uses this ExternalId"):
        connecting.register(other, role_arn="arn:aws:iam::111122223333:role/r", external_id=first.external_id, by=admin)


def test_the_database_holds_that_rule_too(admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two registrations at the same moment: the constraint says it, in the same words."""
    first = connecting.prepare(number="444455556666", name="X", purpose=Purpose.MANAGER, by=admin)
    other = connecting.prepare(number="111122223333", name="Y", purpose=Purpose.MANAGER, by=admin)
    monkeypatch.setattr("sharing.services.connecting.asking._free", lambda *_: None)
    monkeypatch.setattr(Connection, "full_clean", lambda *_args, **_kwargs: None)
    with pytest.raises(Refusal, match="Another connection uses this ExternalId"):
        connecting.register(other, role_arn="arn:aws:iam::111122223333:role/r", external_id=first.external_id, by=admin)


def test_registering_asks_for_a_test(place: Place) -> None:
    connection = place.registered()
    assert connection.state == ConnectionState.TESTING
    assert connection.test_wanted_at is not None
    assert not connection.external_id_ours


# Testing the manager role


def test_a_good_role_is_connected(place: Place) -> None:
    connection = place.tested()
    assert connection.state == ConnectionState.CONNECTED
    assert not connection.failure
    assert {verb for verb, on in connection.verbs.items() if on} == {
        "list",
        "layers",
        "share_layers",
        "map",
        "count",
        *(verb for verb, _ in READS),
    }
    assert connection.test_wanted_at is None
    assert connection.tested_at is not None
    assert connection.regions == ["us-east-1", "eu-west-1"]
    assert Event.objects.filter(verb="connection.connected").count() == 1


def test_none_a_wrong_and_the_right_external_id_are_tried(place: Place) -> None:
    place.tested()
    tried = [call.status for call in place.sandbox.journal.of("AssumeRole")][:3]
    assert tried == [403, 403, 200]


def test_trying_writes_nothing(place: Place) -> None:
    before = {one.arn: place.sandbox.policy(one.arn) for one in place.sandbox.estate.everything()}
    place.tested()
    assert {one.arn: place.sandbox.policy(one.arn) for one in place.sandbox.estate.everything()} == before
    assert len(before) > 30
    assert not [call for call in place.sandbox.journal.of("AddPermission") if call.status < 400]
    assert not [call for call in place.sandbox.journal.of("RemovePermission") if call.status < 400]


def test_a_role_that_asks_for_no_external_id_is_refused(place: Place) -> None:
    place.sandbox.put_trust(place.owner.id, "fnshare-manager", place.trust(None))
    connection = place.tested()
    assert connection.state == ConnectionState.REFUSED
    assert "without any ExternalId" in connection.failure
    assert "sts:ExternalId" in connection.failure_next
    assert not connection.verbs


def test_a_role_that_takes_any_external_id_is_refused(place: Place) -> None:
    place.sandbox.put_trust(place.owner.id, "fnshare-manager", place.trust({"StringLike": {"sts:ExternalId": "*"}}))
    connection = place.tested()
    assert connection.state == ConnectionState.REFUSED
    assert "with a wrong ExternalId" in connection.failure


@pytest.mark.parametrize("how", ["missing", "other id"])
def test_a_role_that_does_not_let_us_in_is_refused_with_what_to_check(place: Place, how: str) -> None:
    if how == "missing":
        place.sandbox.delete_role(place.owner.id, "fnshare-manager")
    else:
        condition = {"StringEquals": {"sts:ExternalId": "another-one-entirely"}}
        place.sandbox.put_trust(place.owner.id, "fnshare-manager", place.trust(condition))
    connection = place.tested()
    assert connection.state == ConnectionState.REFUSED
    assert "does not let fnshare in" in connection.failure
    assert place.owner.external_id in connection.failure_next
    assert "arn:aws:iam::777788889999:user/fnshare/worker" in connection.failure_next


def test_a_role_of_another_account_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS names the account; an endpoint that answers for another one must not pass."""
    stranger = session.CallerIdentity("arn:aws:sts::999999999999:assumed-role/r/s", "999999999999", "AROA")
    monkeypatch.setattr("sharing.aws.session.identity_of", lambda *_args, **_kwargs: stranger)
    connection = place.tested()
    assert connection.state == ConnectionState.REFUSED
    assert "in account 999999999999, not in" in connection.failure


@pytest.mark.parametrize(("verb", "action"), READS)
def test_a_missing_permission_switches_off_its_verb_and_is_named(place: Place, verb: str, action: str) -> None:
    place.manager_without(action)
    connection = place.tested()
    assert connection.state == ConnectionState.CONNECTED
    assert connection.verbs[verb] is False
    row = rows(connection, "missing")[action]
    assert f'"{action}"' in row["next"]
    assert json.loads(row["next"].partition("policy: ")[2].partition(". Then")[0])["Effect"] == "Allow"


@pytest.mark.parametrize(
    ("action", "name", "verbs"),
    [
        ("lambda:ListLayers", "Layers", (False, False)),
        ("lambda:ListLayerVersions", "Layers", (False, False)),
        ("lambda:GetLayerVersionPolicy", "Layers", (False, False)),
        ("lambda:AddLayerVersionPermission", "Sharing layers", (True, False)),
        ("lambda:RemoveLayerVersionPermission", "Sharing layers", (True, False)),
    ],
)
def test_a_role_that_may_not_do_something_with_layers_stays_connected_and_is_told(
    place: Place, action: str, name: str, verbs: tuple[bool, bool]
) -> None:
    from sharing.sandbox.story.roles import layers_policy

    document = layers_policy(place.owner.id)
    for statement in document["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action]
    place.sandbox.put_role_policy(place.owner.id, "fnshare-manager", "Layers", document)
    connection = place.tested()
    assert connection.state == ConnectionState.CONNECTED
    assert (connection.verbs["layers"], connection.verbs["share_layers"]) == verbs
    assert connection.verbs["share"]
    assert f'"{action}"' in rows(connection, "missing")[name]["next"]


def test_a_role_made_before_layers_were_known_stays_connected(place: Place) -> None:
    place.sandbox.put_role_policy(place.owner.id, "fnshare-manager", "Layers", None)
    connection = place.tested()
    assert connection.state == ConnectionState.CONNECTED
    assert set(rows(connection, "missing")) >= {"Layers"}
    assert "Sharing layers" not in {row["name"] for row in connection.report}


def test_without_an_answer_about_layers_nothing_is_said_about_them(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.calling._PAUSES", ())
    place.sandbox.faults.add("ListLayers", code="ServiceException", status=500, times=5)
    connection = place.tested()
    assert "layers" not in connection.verbs
    assert rows(connection, "warning")["Layers"]["next"] == "Test again later."


def test_no_read_at_all_is_refused(place: Place) -> None:
    place.manager_without("lambda:ListFunctions", "lambda:GetPolicy")
    connection = place.tested()
    assert connection.state == ConnectionState.REFUSED
    assert "may read nothing" in connection.failure


def test_listing_alone_is_enough_to_stand(place: Place) -> None:
    place.manager_without(*(action for _, action in READS))
    assert place.tested().state == ConnectionState.CONNECTED


def test_a_missing_denial_only_warns(place: Place) -> None:
    from sharing.sandbox.story.roles import manager_policy

    document = manager_policy(place.owner.id, "777788889999", [])
    document["Statement"] = [one for one in document["Statement"] if one["Effect"] == "Allow"]
    place.sandbox.put_role_policy(place.owner.id, "fnshare-manager", "ReadAndShare", document)
    connection = place.tested()
    assert connection.state == ConnectionState.CONNECTED
    assert connection.verbs["share"]
    row = rows(connection, "warning")["Never with the dashboard"]
    assert '"Effect": "Deny"' in row["next"]
    assert "777788889999" in row["next"]


def test_an_owner_who_allows_some_principals_only_still_has_the_share_stage(place: Place) -> None:
    from sharing.sandbox.story.roles import manager_policy

    factories.account("Acme", "111122223333")
    document = manager_policy(place.owner.id, "777788889999", [])
    document["Statement"][2]["Condition"] = {"StringEquals": {"lambda:Principal": ["111122223333"]}}
    place.sandbox.put_role_policy(place.owner.id, "fnshare-manager", "ReadAndShare", document)
    assert place.tested().verbs["share"]


def test_with_no_region_chosen_every_readable_one_is_read(place: Place) -> None:
    connection = place.tested(regions=())
    assert {"us-east-1", "eu-west-1", "ap-south-1"} <= set(connection.regions)


def test_enabled_regions_are_a_gap_where_the_role_may_list_them(place: Place) -> None:
    allow = {"Effect": "Allow", "Action": "account:ListRegions", "Resource": "*"}
    place.sandbox.put_role_policy(place.owner.id, "fnshare-manager", "Regions", {"Version": "2012-10-17", "Statement": [allow]})
    connection = place.tested()
    assert connection.verbs["list_regions"]
    assert "eu-central-1" in (connection.enabled_regions or [])
    assert "eu-central-1" in rows(connection, "warning")["Coverage of enabled regions"]["detail"]


def test_a_region_that_is_denied_spoils_no_other(place: Place) -> None:
    deny = {
        "Effect": "Deny",
        "Action": "lambda:*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
    }
    place.sandbox.put_role_policy(
        place.owner.id, "fnshare-manager", "OneRegion", {"Version": "2012-10-17", "Statement": [deny]}
    )
    connection = place.tested()
    assert connection.state == ConnectionState.CONNECTED
    assert "eu-west-1" in rows(connection, "missing")["lambda:ListFunctions"]["detail"]


@pytest.mark.parametrize(
    ("external_id", "words"),
    [
        ("hello-12", "only 8 characters"),
        ("id-444455556666-for-us", "contains the account id"),
        ("1234567890123456789", "digits only"),
        ("passwordpasswordpassword", "a word or a pattern"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "a word or a pattern"),
        ("the-platform-external-id-here", "account's name"),
    ],
)
def test_a_weak_external_id_is_accepted_and_warned_about(place: Place, external_id: str, words: str) -> None:
    place.sandbox.put_trust(place.owner.id, "fnshare-manager", place.trust({"StringEquals": {"sts:ExternalId": external_id}}))
    connection = connecting.register(
        place.prepared(), role_arn=place.owner.manager_role_arn, external_id=external_id, by=place.admin
    )
    connection = place.run(connection)
    assert connection.state == ConnectionState.CONNECTED
    assert words in " ".join(row["detail"] for row in connection.report if row["outcome"] == "warning")


def test_a_random_external_id_is_not_called_weak(place: Place) -> None:
    assert "ExternalId is hard to guess" not in rows(place.tested(), "warning")


# Trouble while testing


def test_without_an_answer_the_test_stays_wanted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.session.time.sleep", lambda _: None)
    connection = place.registered()
    connecting.identify_worker()
    place.sandbox.faults.add("AssumeRole", code="ServiceUnavailable", status=503, times=3)
    with pytest.raises(Unavailable):
        connecting.run_test(connection.pk)
    connection.refresh_from_db()
    assert connection.state == ConnectionState.TESTING
    assert connection.failure.startswith("Not tested yet.")
    later = timezone.now() + timedelta(minutes=1)
    assert [one.pk for one in connecting.due(later)] == [connection.pk]
    again = connecting.run_test(connection.pk)
    assert again is not None
    assert again.state == ConnectionState.CONNECTED
    assert not again.failure


def test_throttling_during_the_test_does_not_fail_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    place.sandbox.faults.add("ListTags", times=2)
    assert place.tested().verbs["tags"]


def test_a_permission_that_could_not_be_tried_is_neither_missing_nor_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    place.sandbox.faults.add("ListTags", code="ServiceException", status=500, times=10)
    connection = place.tested()
    assert connection.state == ConnectionState.CONNECTED
    assert "Could not be tried" in rows(connection, "warning")["lambda:ListTags"]["detail"]


def test_without_credentials_the_reason_is_on_the_row(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = place.registered()
    session.forget()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    with pytest.raises(Unavailable):
        connecting.run_test(connection.pk)
    connection.refresh_from_db()
    assert "no AWS credentials" in connection.failure
    assert "no AWS credentials" in Installation.objects.get().identity_failure


def test_a_connected_role_stays_usable_while_it_is_tested_again(place: Place) -> None:
    connection = place.tested()
    connecting.request_test(connection, by=place.admin)
    connection.refresh_from_db()
    assert connection.state == ConnectionState.CONNECTED
    assert connecting.manager_of(connection.account).pk == connection.pk


def test_a_connected_role_that_stopped_asking_for_its_external_id_is_refused(place: Place) -> None:
    connection = place.tested()
    place.sandbox.put_trust(place.owner.id, "fnshare-manager", place.trust(None))
    connection = place.run(connection)
    assert connection.state == ConnectionState.REFUSED
    with pytest.raises(Refusal, match="not connected yet"):
        connecting.manager_of(connection.account)


@pytest.mark.parametrize("paused", [False, True])
def test_another_role_that_is_refused_leaves_the_connection_as_it_was(place: Place, paused: bool) -> None:
    connection = place.tested()
    if paused:
        connection = connecting.pause(connection, by=place.admin)
    before = {name: getattr(connection, name) for name in ("state", "role_arn", "external_id", "verbs", "report")}
    assert before["verbs"]["read"]
    connecting.register(connection, role_arn=connection.role_arn, external_id="a-typo-in-the-external-id", by=place.admin)
    connecting.register(connection, role_arn=connection.role_arn, external_id="another-typo", by=place.admin)
    connecting.run_test(connection.pk)
    connection.refresh_from_db()
    assert {name: getattr(connection, name) for name in before} == before
    assert "stays in use" in connection.failure
    assert connection.failure_next
    assert connection.former is None
    assert Event.objects.filter(verb="connection.refused", account=connection.account).exists()
    assert place.run(connection).failure == ""


def test_another_role_of_a_paused_account_does_not_wake_it(place: Place) -> None:
    connection = connecting.pause(place.tested(), by=place.admin)
    place.sandbox.put_trust(
        place.owner.id, "fnshare-manager", place.trust({"StringEquals": {"sts:ExternalId": "the-next-one-0123456789"}})
    )
    connecting.register(connection, role_arn=connection.role_arn, external_id="the-next-one-0123456789", by=place.admin)
    connecting.run_test(connection.pk)
    connection.refresh_from_db()
    assert (connection.state, connection.external_id) == (ConnectionState.PAUSED, "the-next-one-0123456789")


def test_a_role_given_while_another_is_tested_is_tested_itself(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = place.registered()
    other = f"arn:aws:iam::{place.owner.id}:role/another"

    def examine(*_args: object) -> Any:
        connecting.register(connection, role_arn=other, by=place.admin)
        return real(*_args)  # type: ignore[arg-type]

    from sharing.services.connecting import testing

    real = testing._examine
    monkeypatch.setattr(testing, "_examine", examine)
    assert connecting.run_test(connection.pk) is None
    connection.refresh_from_db()
    assert (connection.role_arn, connection.state) == (other, ConnectionState.TESTING)
    assert connection.test_wanted_at is not None


# The checker role


def test_a_checker_role_is_connected(place: Place) -> None:
    place.tested()
    connection = place.tested(Purpose.CHECKER)
    assert connection.state == ConnectionState.CONNECTED
    assert connection.verbs == {"check": True}
    assert not rows(connection, "warning")
    assert not rows(connection, "missing")
    assert not place.sandbox.journal.invocations


def test_a_checker_that_could_use_its_own_functions_is_warned_about(place: Place) -> None:
    allow = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
    place.sandbox.put_role_policy(
        place.consumer.id, "fnshare-checker", "Check", {"Version": "2012-10-17", "Statement": [allow]}
    )
    connection = place.tested(Purpose.CHECKER)
    assert connection.state == ConnectionState.CONNECTED
    assert '"NeverOwn"' in rows(connection, "warning")["Never its own functions"]["next"]


def test_a_checker_that_may_not_try_an_owner_is_told_the_statement(place: Place) -> None:
    place.tested()
    place.sandbox.put_role_policy(place.consumer.id, "fnshare-checker", "Check", None)
    connection = place.tested(Purpose.CHECKER)
    assert connection.state == ConnectionState.CONNECTED
    row = rows(connection, "missing")[f"lambda:InvokeFunction in {place.owner.name}"]
    assert f"arn:aws:lambda:*:{place.owner.id}:function:*" in row["next"]


def test_a_checker_without_enforced_external_id_is_refused(place: Place) -> None:
    place.sandbox.put_trust(place.consumer.id, "fnshare-checker", place.trust(None))
    assert place.tested(Purpose.CHECKER).state == ConnectionState.REFUSED


# Rotating, pausing, leaving


def test_a_new_external_id_is_used_once_the_role_accepts_it(place: Place) -> None:
    connection = connecting.rotate(place.tested(), by=place.admin)
    old, new = connection.external_id, connection.next_external_id
    assert new
    assert new != old
    connection = place.run(connection)
    assert (connection.external_id, connection.state) == (old, ConnectionState.CONNECTED)
    assert "not accept the new ExternalId yet" in rows(connection, "warning")["New ExternalId"]["detail"]

    place.sandbox.put_trust(place.owner.id, "fnshare-manager", place.trust({"StringEquals": {"sts:ExternalId": [old, new]}}))
    connection = place.run(connection)
    assert (connection.external_id, connection.next_external_id, connection.external_id_ours) == (new, "", True)
    assert "still the old one" in rows(connection, "warning")["New ExternalId"]["detail"]
    assert Event.objects.filter(verb="connection.rotated").exists()


def test_the_trust_command_sets_both_ids_while_one_is_rotated(place: Place) -> None:
    connection = connecting.rotate(place.tested(), by=place.admin)
    words = shlex.split(connecting.trust_command(connection))
    assert words[:3] == ["aws", "iam", "update-assume-role-policy"]
    place.sandbox.put_trust(place.owner.id, "fnshare-manager", json.loads(words[-1]))
    assert place.run(connection).external_id == connection.next_external_id


def test_a_paused_account_is_left_alone(place: Place) -> None:
    connection = connecting.pause(place.tested(), by=place.admin)
    with pytest.raises(Refusal, match="is paused"):
        connecting.manager_of(connection.account)
    assert place.run(connection).state == ConnectionState.PAUSED
    connecting.resume(connection, by=place.admin)
    assert connecting.manager_of(connection.account).pk == connection.pk


def test_pausing_what_is_not_connected_is_refused(admin: Actor) -> None:
    connection = connecting.prepare(number="444455556666", name="X", purpose=Purpose.MANAGER, by=admin)
    with pytest.raises(Refusal, match="cannot be paused"):
        connecting.pause(connection, by=admin)


def test_disconnecting_says_what_stays_and_removes_nothing(place: Place) -> None:
    connection = place.tested()
    function = factories.function("hello_world", connection.account)
    grant = factories_grant(function.policies.get())
    stays = connecting.what_stays(connection)
    assert [one.pk for one in stays.grants] == [grant.pk]
    assert "1 share made here" in stays.sentence
    assert "fnshare-manager" in stays.next
    before = len(place.sandbox.journal)
    ended = connecting.disconnect(connection, by=place.admin)
    assert ended.state == ConnectionState.DISCONNECTED
    assert len(place.sandbox.journal) == before
    grant.refresh_from_db()
    assert grant.state == "active"
    assert connecting.disconnect(connection, by=place.admin).state == ConnectionState.DISCONNECTED


def test_disconnecting_says_which_layers_stay_open(place: Place) -> None:
    from sharing.models import LayerGrant, LayerVersion

    connection = place.tested()
    of = {"account": connection.account, "region": "us-east-1", "name": "geo-data"}
    LayerVersion.objects.create(number=1, arn="arn:1", **of)
    assert "layer" not in connecting.what_stays(connection).sentence
    layer = LayerVersion.objects.create(number=2, arn="arn:2", external="depends", **of)
    assert "1 layer version that lets in others." in connecting.what_stays(connection).sentence
    LayerGrant.objects.create(
        layer=layer,
        state="active",
        sid="x",
        principal_kind="account",
        principal="1",
        statement={},
        reason="x",
        requested_as="x",
    )
    assert "1 share made here among them" in connecting.what_stays(connection).sentence


def test_an_account_comes_back_with_the_same_role_and_external_id(place: Place) -> None:
    connecting.disconnect(place.tested(), by=place.admin)
    connection = place.tested()
    assert connection.state == ConnectionState.CONNECTED
    assert Connection.objects.count() == 2


def test_an_ended_connections_external_id_is_not_for_others(place: Place) -> None:
    connecting.disconnect(place.tested(), by=place.admin)
    other = connecting.prepare(number="111122223333", name="Y", purpose=Purpose.MANAGER, by=place.admin)
    with pytest.raises(Refusal, match="Another connection uses this ExternalId"):
        connecting.register(
            other, role_arn="arn:aws:iam::111122223333:role/r", external_id=place.owner.external_id, by=place.admin
        )


# Templates


def test_the_commands_make_a_role_without_any_warning(place: Place) -> None:
    connecting.identify_worker()
    connection = place.prepared()
    make_role(place, connecting.role_commands(connection, share=True, wire=True), place.owner.id)
    done = place.run(
        connecting.register(connection, role_arn=f"arn:aws:iam::{place.owner.id}:role/fnshare-manager-2", by=place.admin)
    )
    assert done.state == ConnectionState.CONNECTED
    assert [row for row in done.report if row["outcome"] != "ok"] == [
        row for row in done.report if row["name"] == "Coverage of enabled regions"
    ]
    assert all(done.verbs.values())


def test_the_read_stage_shares_nothing(place: Place) -> None:
    connecting.identify_worker()
    connection = place.prepared()
    make_role(place, connecting.role_commands(connection, share=False), place.owner.id)
    done = place.run(
        connecting.register(connection, role_arn=f"arn:aws:iam::{place.owner.id}:role/fnshare-manager-2", by=place.admin)
    )
    assert done.state == ConnectionState.CONNECTED
    assert (done.verbs["share"], done.verbs["revoke"], done.verbs["read"]) == (False, False, True)
    assert done.verbs["map"] is False, "the mappings stage is a choice of its own"
    assert not [row for row in done.report if "mapping" in row["name"] and row["outcome"] == "missing"]


def test_a_mappings_stage_from_before_wirings_were_watched_goes_on_and_says_what_to_add(place: Place) -> None:
    arn = f"arn:aws:lambda:*:{place.owner.id}:function:*"
    create = {"Effect": "Allow", "Action": "lambda:CreateEventSourceMapping", "Resource": "*"}
    ours = {"Condition": {"ArnLike": {"lambda:FunctionArn": arn}}}
    old = {"Version": "2012-10-17", "Statement": [{**create, **ours}]}
    place.sandbox.put_role_policy(place.owner.id, "fnshare-manager", "Mappings", old)
    done = place.tested()
    assert (done.state, done.verbs["map"], done.verbs["count"]) == (ConnectionState.CONNECTED, True, False)
    (row,) = [row for row in done.report if row["name"] == "cloudwatch:GetMetricStatistics"]
    assert row["outcome"] == "missing"
    assert '"cloudwatch:GetMetricStatistics"' in row["next"]


def test_the_checkers_commands_make_a_role_without_any_warning(place: Place) -> None:
    place.tested()
    connection = place.prepared(Purpose.CHECKER)
    make_role(place, connecting.role_commands(connection, share=False), place.consumer.id)
    arn = f"arn:aws:iam::{place.consumer.id}:role/fnshare-checker-2"
    done = place.run(connecting.register(connection, role_arn=arn, by=place.admin))
    assert {row["outcome"] for row in done.report} == {"ok"}


def test_the_template_says_the_same_as_the_commands(place: Place) -> None:
    connecting.identify_worker()
    connection = place.prepared()
    template = json.loads(connecting.cloudformation(connection, share=True))
    worker = template["Parameters"]["WorkerPrincipalArn"]["Default"]
    role = resolved(template["Resources"]["Role"]["Properties"], worker)
    documents = documents_of(connecting.role_commands(connection, share=True))
    assert role["AssumeRolePolicyDocument"] == documents.pop("trust")
    assert {one["PolicyName"]: one["PolicyDocument"] for one in role["Policies"]} == documents


def test_a_worker_that_is_a_role_session_has_an_editable_principal(admin: Actor) -> None:
    Installation.objects.create(
        pk=1, worker_arn="arn:aws:sts::777788889999:assumed-role/worker/i-0abc", worker_account="777788889999"
    )
    connection = connecting.prepare(number="444455556666", name="X", purpose=Purpose.MANAGER, by=admin)
    parameter = json.loads(connecting.cloudformation(connection, share=True))["Parameters"]["WorkerPrincipalArn"]
    assert parameter["Default"] == "arn:aws:iam::777788889999:role/worker"
    assert "does not tell its role's path" in parameter["Description"]
    assert "does not tell its role's path" in connecting.role_commands(connection, share=False)


def test_before_a_worker_told_who_it_is_the_principal_must_be_given(admin: Actor) -> None:
    connection = connecting.prepare(number="444455556666", name="X", purpose=Purpose.MANAGER, by=admin)
    template = json.loads(connecting.cloudformation(connection, share=True))
    assert "Default" not in template["Parameters"]["WorkerPrincipalArn"]
    assert "WORKER_PRINCIPAL_ARN" in connecting.role_commands(connection, share=True)


def test_the_worker_is_remembered(sandbox: "Sandbox") -> None:
    assert connecting.identity_due(timezone.now())
    known = connecting.identify_worker()
    assert known.worker_arn == "arn:aws:iam::777788889999:user/fnshare/worker"
    assert not connecting.identity_due(timezone.now())
    assert connecting.identity_due(timezone.now() + timedelta(days=2))


def factories_grant(policy: Any) -> Any:
    from sharing.models import Grant

    return Grant.objects.create(
        policy=policy,
        state="active",
        sid="s",
        action="lambda:InvokeFunction",
        principal_kind="account",
        principal="111122223333",
        statement={"Sid": "s"},
        equality="e",
        reason="r",
        requested_as="x",
    )


def documents_of(commands: str) -> dict[str, Any]:
    """The policy documents in AWS CLI commands: the trust policy, and inline policies by name."""
    found: dict[str, Any] = {}
    for line in commands.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        options = dict(zip(words[3::2], words[4::2], strict=True))
        if "--assume-role-policy-document" in options:
            found["trust"] = json.loads(options["--assume-role-policy-document"])
        else:
            found[options["--policy-name"]] = json.loads(options["--policy-document"])
    return found


def make_role(place: Place, commands: str, account: str) -> None:
    """Do what the commands say, under a name of its own beside the story's role."""
    documents = documents_of(commands)
    name = "fnshare-manager-2" if account == place.owner.id else "fnshare-checker-2"
    place.sandbox.add_role(account, name, trust=documents.pop("trust"), policies=documents)


def resolved(value: Any, worker: str) -> Any:
    """CloudFormation's functions, as far as the template uses them."""
    if isinstance(value, list):
        return [resolved(item, worker) for item in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return {"WorkerPrincipalArn": worker, "AWS::Partition": "aws"}[value["Ref"]]
    if "Fn::Split" in value:
        separator, text = value["Fn::Split"]
        return resolved(text, worker).split(separator)
    if "Fn::Select" in value:
        index, items = value["Fn::Select"]
        return resolved(items, worker)[index]
    if "Fn::Join" in value:
        separator, items = value["Fn::Join"]
        return separator.join(resolved(items, worker))
    return {key: resolved(item, worker) for key, item in value.items()}
