"""What a grant costs its worker: calls to AWS, and questions to the database. Fifty clicks at once cost fifty times that."""

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sharing.models import Grant, GrantState
from sharing.services import granting
from sharing.services.connecting.entering import functions
from sharing.services.granting.door import Door
from sharing.services.granting.lease import held
from sharing.services.granting.reconciling import reconcile_in_turn
from sharing.services.granting.transitions import look_again
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

#: Statements that end or begin a transaction are not counted.
TO_ACTIVE, IN_TURN, TO_REVOKED = 28, 29, 24


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


def asked(captured: CaptureQueriesContext) -> list[str]:
    return [str(one["sql"]) for one in captured if not str(one["sql"]).startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))]


def calls(sandbox: "Sandbox") -> Counter[str]:
    return Counter(call.operation for call in sandbox.journal)


def reads_already(estate: Estate) -> None:
    """The process has the session that reads the account, as one has that read a function in the last hour."""
    manager = estate.connection("Platform", "manager")
    functions(manager, "us-east-1", purpose="click").policy("hello_world")


def test_a_process_that_never_read_the_account_enters_it_once(estate: Estate, sandbox: "Sandbox") -> None:
    grant = estate.share(estate.policy("hello_world"))
    sandbox.journal.clear()
    assert estate.settle(grant).state == GrantState.ACTIVE
    assert [call.operation for call in sandbox.journal] == ["AssumeRole", "GetPolicy", "AddPermission", "GetPolicy"]


def test_a_click_costs_two_reads_a_write_and_one_session_and_a_known_number_of_queries(
    estate: Estate, sandbox: "Sandbox"
) -> None:
    reads_already(estate)
    grant = estate.share(estate.policy("hello_world"))
    sandbox.journal.clear()
    with CaptureQueriesContext(connection) as captured:
        assert estate.settle(grant).state == GrantState.ACTIVE
    assert calls(sandbox) == {"AssumeRole": 1, "GetPolicy": 2, "AddPermission": 1}
    assert len(asked(captured)) <= TO_ACTIVE, "\n".join(asked(captured))


def test_a_revoke_costs_no_more(estate: Estate, sandbox: "Sandbox") -> None:
    grant = granting.revoke(estate.shared(estate.policy("hello_world")), by=estate.by, reason="done")
    sandbox.journal.clear()
    with CaptureQueriesContext(connection) as captured:
        assert estate.settle(grant).state == GrantState.REVOKED
    assert calls(sandbox) == {"GetPolicy": 2, "RemovePermission": 1}
    assert len(asked(captured)) <= TO_REVOKED, "\n".join(asked(captured))


def test_grants_in_turn_cost_one_read_each_and_one_session_together(estate: Estate, sandbox: "Sandbox") -> None:
    policy = estate.policy("hello_world")
    grants = [estate.share(policy, f"{700_000_000_000 + number}") for number in range(3)]
    sandbox.journal.clear()
    with held(policy.pk) as lease:
        assert lease is not None
        door = Door(policy, lease, session_name="fnshare-in-turn", purpose="background")
        for grant in grants:
            fresh = look_again(grant)
            with CaptureQueriesContext(connection) as captured:
                assert reconcile_in_turn(fresh, lease, door).again_in is None
            assert len(asked(captured)) <= IN_TURN, "\n".join(asked(captured))
    assert calls(sandbox) == {"AssumeRole": 1, "GetPolicy": 4, "AddPermission": 3}
    assert set(Grant.objects.filter(policy=policy).values_list("state", flat=True)) == {GrantState.ACTIVE}


def test_a_session_that_could_not_be_entered_ahead_is_entered_by_the_write(estate: Estate, sandbox: "Sandbox") -> None:
    reads_already(estate)
    grant = estate.share(estate.policy("hello_world"))
    sandbox.journal.clear()
    sandbox.faults.add("AssumeRole", code="AccessDenied", status=403, message="not yet", times=1)
    assert estate.settle(grant).state == GrantState.ACTIVE
    assert calls(sandbox) == {"AssumeRole": 2, "GetPolicy": 2, "AddPermission": 1}
