"""The invoker role: made for real calls and nothing else, tried before it is used, and never one of the other roles."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from sharing.aws.invoking import Invoker, InvokerRole
from sharing.models import Account, Actor, Connection, ConnectionState, GrantState, Purpose
from sharing.services import connecting
from sharing.services.connecting.leaving import what_stays
from sharing.services.errors import NotPermitted, Refusal
from tests import factories

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

OWNER, ACME, GLOBEX = "444455556666", "111122223333", "222233334444"


@pytest.fixture
def admin() -> Actor:
    return Actor.of(factories.person("admin"))


@pytest.fixture
def owner() -> Account:
    account = factories.account("Platform", OWNER)
    factories.connection(account, Purpose.MANAGER)
    return account


@pytest.fixture
def acme(owner: Account) -> Account:
    account = factories.account("Acme Retail", ACME)
    factories.connection(account, Purpose.CHECKER)
    return account


def prepared(account: Account, admin: Actor, *limited_to: str) -> Connection:
    return connecting.prepare(
        number=account.number, name=account.name, purpose=Purpose.INVOKER, by=admin, limited_to=limited_to
    )


def policy_of(connection: Connection) -> list[dict[str, Any]]:
    template = json.loads(connecting.cloudformation(connection, share=False))
    (policy,) = template["Resources"]["Role"]["Properties"]["Policies"]
    return list(policy["PolicyDocument"]["Statement"])


def test_an_owners_invoker_may_call_its_functions_and_do_nothing_else(owner: Account, admin: Actor) -> None:
    one = prepared(owner, admin)
    assert one.external_id.startswith("fnshare-invoker-")
    assert connecting.suggested_role_arn(one).endswith(":role/fnshare-invoker")
    (statement,) = policy_of(one)
    assert statement["Action"] == "lambda:InvokeFunction"
    assert statement["Resource"] == [f"arn:aws:lambda:*:{OWNER}:function:*"]


def test_it_can_be_limited_by_name_or_arn(owner: Account, admin: Actor) -> None:
    one = prepared(owner, admin, "hello_world", "tax-*:live", f" arn:aws:lambda:us-east-1:{OWNER}:function:vat?", "")
    (statement,) = policy_of(one)
    assert statement["Resource"] == [
        f"arn:aws:lambda:*:{OWNER}:function:hello_world",
        f"arn:aws:lambda:*:{OWNER}:function:tax-*:live",
        f"arn:aws:lambda:us-east-1:{OWNER}:function:vat?",
    ]
    assert connecting.reaches(one, f"arn:aws:lambda:eu-west-1:{OWNER}:function:hello_world")
    assert not connecting.reaches(one, f"arn:aws:lambda:eu-west-1:{OWNER}:function:hello_world:live")
    again = connecting.prepare(number=OWNER, name="Platform", purpose=Purpose.INVOKER, by=admin)
    assert again.limited_to == one.limited_to, "not asked about: as it was"
    assert prepared(owner, admin).limited_to == []


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        f"arn:aws:lambda:*:{GLOBEX}:function:*",
        f"arn:aws:lambda:*:{OWNER}:layer:x",
        f"arn:aws:iam::{OWNER}:role/x",
        f"arn:aws:lambda:*:{OWNER}:function:a b",
        f"arn:aws-cn:lambda:*:{OWNER}:function:a",
        f'arn:aws:lambda:*:{OWNER}:function:a","*',
        "arn:aws:lambda:*:*:function:*",
        "x" * 200,
        "a\x00b",
    ],
)
def test_what_is_no_pattern_of_its_functions_is_refused(acme: Account, admin: Actor, pattern: str) -> None:
    with pytest.raises(Refusal) as refused:
        prepared(acme, admin, pattern)
    assert refused.value.field == "limited_to"
    assert not Connection.objects.filter(purpose=Purpose.INVOKER).exists()


def test_too_many_patterns_do_not_fit_into_a_role(owner: Account, admin: Actor) -> None:
    with pytest.raises(Refusal, match="room for 40"):
        prepared(owner, admin, *(f"f-{number}" for number in range(41)))


def test_a_consumers_invoker_calls_owners_that_share_with_it_and_never_its_own(acme: Account, admin: Actor) -> None:
    other = factories.account("Other owner")
    factories.connection(other, Purpose.MANAGER)
    factories.grant(factories.function(of=other), ACME)
    factories.grant(factories.function(of=acme), GLOBEX)
    factories.grant(factories.function(of=factories.account()), ACME, state=GrantState.REVOKED)
    invoke, never = policy_of(prepared(acme, admin))
    assert invoke["Resource"] == [f"arn:aws:lambda:*:{other.number}:function:*"]
    assert never == {
        "Sid": "NeverOwn",
        "Effect": "Deny",
        "Action": "lambda:*",
        "Resource": f"arn:aws:lambda:*:{ACME}:*",
    }


def test_before_anything_is_shared_a_consumers_invoker_reaches_the_connected_owners(acme: Account, admin: Actor) -> None:
    invoke, _ = policy_of(prepared(acme, admin))
    assert invoke["Resource"] == [f"arn:aws:lambda:*:{OWNER}:function:*"]


def test_an_account_that_is_neither_needs_another_role_first(admin: Actor) -> None:
    with pytest.raises(Refusal, match="nothing that an invoker role"):
        connecting.prepare(number=GLOBEX, name="Globex", purpose=Purpose.INVOKER, by=admin)
    assert not Account.objects.exists()


def test_owners_do_not_connect_one(owner: Account) -> None:
    with pytest.raises(NotPermitted):
        prepared(owner, Actor.of(factories.person("owner", accounts=[owner])))


def test_the_other_roles_are_not_taken_for_it_nor_it_for_them(owner: Account, admin: Actor) -> None:
    manager = Connection.objects.get(account=owner)
    invoker = prepared(owner, admin)
    with pytest.raises(Refusal, match="real calls need a role of their own"):
        connecting.register(invoker, role_arn=manager.role_arn, by=admin)
    own = f"arn:aws:iam::{OWNER}:role/fnshare-invoker"
    connecting.register(invoker, role_arn=own, by=admin)
    checker = connecting.prepare(number=OWNER, name="Platform", purpose=Purpose.CHECKER, by=admin)
    for other in (manager, checker):
        with pytest.raises(Refusal, match="invoker role"):
            connecting.register(other, role_arn=own, by=admin)


@pytest.mark.parametrize("purpose", [Purpose.MANAGER, Purpose.CHECKER, Purpose.ORGANIZATION])
def test_only_an_invoker_connection_opens_the_door_to_a_real_call(owner: Account, purpose: str) -> None:
    other = Connection.objects.filter(purpose=purpose).first() or factories.connection(owner, purpose)
    with pytest.raises(ValueError, match=f"A {purpose} role never invokes"):
        connecting.invoker_role(other)
    with pytest.raises(TypeError, match="Only an invoker role invokes"):
        Invoker(
            connecting.role(other),  # type: ignore[arg-type]
            f"arn:aws:lambda:us-east-1:{OWNER}:function:hello_world",
            session_name="fnshare-invoke-1",
        )


def test_disconnecting_it_leaves_the_owner_an_owner(owner: Account, admin: Actor) -> None:
    one = prepared(owner, admin)
    assert "Test invoke is off here" in what_stays(one).sentence
    connecting.disconnect(one, by=admin)
    assert list(Account.objects.owners()) == [owner]
    Connection.objects.filter(purpose=Purpose.MANAGER).update(state=ConnectionState.DISCONNECTED)
    assert not Account.objects.owners().exists()


def test_terraform_holds_the_same_policies_as_the_template(acme: Account, admin: Actor) -> None:
    one = prepared(acme, admin)
    text = connecting.terraform(one, share=False)
    documents = [json.JSONDecoder().raw_decode(part)[0] for part in text.split("jsonencode(")[1:]]
    assert documents[0]["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] == one.external_id
    assert documents[1]["Statement"] == policy_of(one)
    assert text.count("{") == text.count("}")


# The test of the role, against the sandbox


class Place:
    def __init__(self, sandbox: "Sandbox", admin: Actor) -> None:
        self.sandbox = sandbox
        self.admin = admin

    def tested(self, account: Account, *limited_to: str, external_id: str = "") -> Connection:
        known = self.sandbox.account(account.number)
        one = connecting.register(
            prepared(account, self.admin, *limited_to),
            role_arn=known.invoker_role_arn,
            external_id=external_id or known.invoker_external_id,
            by=self.admin,
        )
        done = connecting.run_test(one.pk)
        assert done is not None
        return done


@pytest.fixture
def place(sandbox: "Sandbox", admin: Actor) -> Place:
    return Place(sandbox, admin)


def rows(connection: Connection, outcome: str) -> list[str]:
    return [row["detail"] for row in connection.report if row["outcome"] == outcome]


def test_the_test_tries_the_external_ids_and_invokes_nothing(place: Place, owner: Account, acme: Account) -> None:
    for account in (owner, acme):
        one = place.tested(account)
        assert (one.state, one.verbs) == (ConnectionState.CONNECTED, {"invoke": True})
        assert rows(one, "missing") == rows(one, "warning") == []
    assert place.sandbox.journal.invocations == []
    assert all(call.parameters_summary["InvocationType"] == "DryRun" for call in place.sandbox.journal.of("Invoke"))
    assert any("invoke functions of its own account" in said for said in rows(one, "ok"))


def test_a_role_that_ignores_the_external_id_is_refused(place: Place, owner: Account) -> None:
    worker = place.sandbox.account("fnshare").id
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{worker}:user/fnshare/worker"}, "Action": "sts:AssumeRole"}
    place.sandbox.put_trust(OWNER, "fnshare-invoker", {"Version": "2012-10-17", "Statement": [trust]})
    one = place.tested(owner)
    assert one.state == ConnectionState.REFUSED
    assert "without any ExternalId" in one.failure


def test_a_wrong_external_id_is_refused(place: Place, owner: Account) -> None:
    one = place.tested(owner, external_id="another-external-id-of-its-own")
    assert one.state == ConnectionState.REFUSED


def test_what_the_role_may_not_call_is_named(place: Place, owner: Account, acme: Account) -> None:
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": f"arn:aws:lambda:*:{OWNER}:function:tax-*"}
    place.sandbox.put_role_policy(OWNER, "fnshare-invoker", "Invoke", {"Version": "2012-10-17", "Statement": [statement]})
    one = place.tested(owner)
    assert one.state == ConnectionState.CONNECTED
    assert rows(one, "missing") == [f"The role may not call arn:aws:lambda:*:{OWNER}:function:*."]
    assert rows(place.tested(owner, "tax-*"), "missing") == []
    place.sandbox.put_role_policy(ACME, "fnshare-invoker", "Invoke", None)
    assert rows(place.tested(acme), "missing")


def test_a_consumers_role_that_could_call_its_own_functions_is_warned_about(place: Place, acme: Account) -> None:
    allow = {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}
    place.sandbox.put_role_policy(ACME, "fnshare-invoker", "Invoke", {"Version": "2012-10-17", "Statement": [allow]})
    one = place.tested(acme)
    assert one.state == ConnectionState.CONNECTED
    assert any("functions of its own account" in said for said in rows(one, "warning"))


def test_the_role_says_what_it_is_for() -> None:
    role = InvokerRole("aws", OWNER, "arn:aws:iam::444455556666:role/fnshare-invoker", "secret-external-id", "invoker")
    assert "secret-external-id" not in repr(role)
