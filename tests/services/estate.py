"""Rows for what the sandbox's story holds: its owner connected, its consumers with their checkers, one function of it."""

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import Account, Actor, Check, Connection, Function, Grant, Policy, Purpose, Reading
from sharing.services import checking, granting
from sharing.services.syncing import store_policy
from tests import factories

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox


class Estate:
    """The story's accounts as rows, and short words for what tests do with them."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox
        self.accounts: dict[str, Account] = {}
        for known in sandbox.accounts:
            if known.kind == "dashboard":
                continue
            row = self.accounts[known.name] = factories.account(known.name, known.id)
            if known.manager_role_arn:
                regions = list(known.regions)
                factories.connection(
                    row, Purpose.MANAGER, role_arn=known.manager_role_arn, external_id=known.external_id, regions=regions
                )
            if known.checker_role_arn:
                factories.connection(row, Purpose.CHECKER, role_arn=known.checker_role_arn, external_id=known.external_id)
        self.owner = self.accounts["Platform"]
        self.ann = factories.person("owner", email="ann@example.com")
        self.ben = factories.person("owner", email="ben@example.com")
        self.by = Actor.of(self.ann)

    def policy(self, name: str, qualifier: str = "", region: str = "us-east-1") -> Policy:
        """The row of a function's, alias' or version's policy, not read yet."""
        arn = f"arn:aws:lambda:{region}:{self.owner.number}:function:{name}"
        function = Function.objects.filter(arn=arn).first()
        if function is None:
            function = Function.objects.create(account=self.owner, region=region, name=name, arn=arn)
        return Policy.objects.get_or_create(
            function=function, qualifier=qualifier, defaults={"reading": Reading.NONE, "read_at": timezone.now()}
        )[0]

    def connection(self, name: str, purpose: str) -> Connection:
        return Connection.objects.get(account__name=name, purpose=purpose)

    def plan(self, policy: Policy, who: str = "111122223333", **asked: Any) -> granting.Plan:
        return granting.plan(policy=policy, who=who, by=asked.pop("by", self.by), **asked)

    def share(self, policy: Policy, who: str = "111122223333", *, by: Actor | None = None, **asked: Any) -> Grant:
        """A decided grant, not settled yet."""
        plan = self.plan(policy, who, by=by or self.by, **asked)
        assert plan.ok, plan.problems
        return granting.grant(plan, reason="They need it", by=by or self.by, anyway=True)

    def settle(self, grant: Grant) -> Grant:
        """One run of a worker."""
        outcome = granting.reconcile(grant.pk)
        assert outcome is not None
        return outcome.grant

    def shared(self, policy: Policy, who: str = "111122223333", **asked: Any) -> Grant:
        """A grant that AWS holds."""
        grant = self.settle(self.share(policy, who, **asked))
        assert grant.state == "active", (grant.state, grant.failure)
        return grant

    def check(self, grant: Grant) -> Check:
        """Run the open check of a grant once."""
        check = Check.objects.open().get(grant=grant)
        outcome = checking.run(check.pk)
        assert outcome is not None
        return outcome.check

    def read(self, policy: Policy) -> Policy:
        """What a sync would keep of this policy."""
        document = self.sandbox.policy(policy.arn)
        stored = StoredPolicy(json.dumps(document), "a-revision") if document else None
        store_policy(policy, stored, read_at=timezone.now())
        return policy

    def held(self, policy: Policy) -> list[Mapping[str, Any]]:
        """The statements AWS holds."""
        document = self.sandbox.policy(policy.arn)
        return list(document["Statement"]) if document else []

    def sids(self, policy: Policy) -> list[str]:
        return [statement.get("Sid", "") for statement in self.held(policy)]


class Worker:
    """A worker in a thread: does what is due until the `with` block ends. For tests that wait as a shell does."""

    def __init__(self) -> None:
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="worker")
        self.problems: list[BaseException] = []

    def _work(self) -> None:
        try:
            while not self._ending.is_set():
                now = timezone.now()
                for key in list(granting.due(now).values_list("pk", flat=True)):
                    granting.reconcile(key)
                for check in checking.due(now):
                    checking.run(check.pk)
                self._ending.wait(0.05)
        except BaseException as problem:  # noqa: BLE001  # told to the test at the end
            self.problems.append(problem)
        finally:
            connections.close_all()

    def __enter__(self) -> "Worker":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        assert self.problems == []
