"""AddPermission, RemovePermission, GetPolicy and the whole-document trio, as AWS stores, limits and refuses them.

Source: aws-facts section 1 (Lambda Developer Guide, botocore model, messages seen in public issues).
"""

import copy
import time
from typing import Any

from sharing.sandbox import principals
from sharing.sandbox.documents import (
    LIMIT,
    checked_document,
    compact,
    ghosts,
    is_public,
    principal_values,
    rendered,
    rendered_statement,
    statement_from,
)
from sharing.sandbox.errors import AwsError, Reply, as_json, conflict, invalid, missing
from sharing.sandbox.estate import LATEST, NEVER, Estate, Function, Policy, Target
from sharing.sandbox.evaluation import Document, statements
from sharing.sandbox.switches import Switches

#: Seconds between reading and writing a policy while parallel writes get lost.
WRITE_GAP = 0.05


class Permissions:
    """The six operations. Callers have been authorised and the parameters validated before."""

    def __init__(self, estate: Estate, switches: Switches) -> None:
        self.estate = estate
        self.switches = switches

    def function(self, target: Target, *, writing: bool) -> Function:
        """The function a policy call is about. Raises 404 when it or its qualifier is missing, 400 for $LATEST."""
        function = self.estate.find(target.account, target.region, target.name)
        if function is None or not function.has(target.qualifier):
            raise missing(f"Function not found: {target.full}" if writing else "The resource you requested does not exist.")
        if target.qualifier and target.qualifier.startswith(LATEST) and writing:
            raise invalid("We currently do not support adding policies for $LATEST.")
        return function

    def add(self, target: Target, parameters: dict[str, Any]) -> Reply:
        if not self.switches.parallel_writes_lost:
            with self.estate.lock:
                return self._added(target, *self._addition(target, parameters))
        with self.estate.lock:
            prepared = self._addition(target, parameters)
        time.sleep(WRITE_GAP)
        with self.estate.lock:
            return self._added(target, *prepared)

    def _addition(self, target: Target, parameters: dict[str, Any]) -> tuple[Document, dict[str, Any]]:
        """The whole document with the new statement, and the statement. Raises whatever AddPermission refuses."""
        function = self.function(target, writing=True)
        policy = function.policy(target.qualifier)
        self._fence(policy, parameters.get("RevisionId"))
        document: Document = (
            copy.deepcopy(policy.document) if policy else {"Version": "2012-10-17", "Id": "default", "Statement": []}
        )
        stored = statements(document)
        if self.switches.ghost_blocks_add_permission and any(ghosts(s) for s in stored):
            raise invalid(principals.REFUSED)
        sid = parameters["StatementId"]
        if any(s.get("Sid") == sid for s in stored):
            raise conflict(
                f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the "
                "existing statement."
            )
        statement = statement_from(parameters, function.qualified(target.qualifier))
        document["Statement"] = [*stored, statement]
        return document, statement

    def _added(self, target: Target, document: Document, statement: dict[str, Any]) -> Reply:
        self._store(self.function(target, writing=True), target.qualifier, document)
        return as_json({"Statement": compact(rendered_statement(statement))}, 201)

    def remove(self, target: Target, sid: str, revision: str | None) -> Reply:
        with self.estate.lock:
            function = self.function(target, writing=True)
            policy = function.policy(target.qualifier)
            if policy is None:
                raise missing("The resource you requested does not exist.")
            kept = [s for s in statements(policy.document) if s.get("Sid") != sid]
            if len(kept) == len(statements(policy.document)):
                raise missing(f"Statement {sid} is not found in resource policy.")
            self._fence(policy, revision)
            if kept or self.switches.empty_policy_after_last:
                self._store(function, target.qualifier, {**copy.deepcopy(policy.document), "Statement": kept})
            else:
                function.set_policy(target.qualifier, None)
            return Reply(204)

    def get(self, target: Target) -> Reply:
        with self.estate.lock:
            function = self.function(target, writing=False)
            policy = function.policy(target.qualifier)
            if policy is None:
                raise missing()
            document, revision = policy.document, policy.revision
        return as_json({"Policy": compact(rendered(document)), "RevisionId": revision})

    def put(self, target: Target, text: str, revision: str | None) -> Reply:
        with self.estate.lock:
            function = self.function(target, writing=True)
            self._fence(function.policy(target.qualifier), revision)
            document = checked_document(text)
            policy = self._store(function, target.qualifier, document)
            return as_json({"Policy": compact(rendered(policy.document)), "RevisionId": policy.revision})

    def delete(self, target: Target, revision: str | None) -> Reply:
        with self.estate.lock:
            function = self.function(target, writing=True)
            policy = function.policy(target.qualifier)
            if policy is None:
                raise missing()
            self._fence(policy, revision)
            function.set_policy(target.qualifier, None)
            return Reply(204)

    def principal_of(self, target: Target, sid: str) -> list[str]:
        """The value of lambda:Principal for a RemovePermission: the stored principal, accounts in both their forms."""
        function = self.estate.find(target.account, target.region, target.name)
        policy = function.policy(target.qualifier) if function else None
        for statement in statements(policy.document if policy else None):
            if statement.get("Sid") == sid:
                return principal_values(principals.render(statement.get("Principal")))
        return []

    def _fence(self, policy: Policy | None, revision: str | None) -> None:
        if revision is not None and (policy is None or policy.revision != revision):
            raise AwsError(
                "PreconditionFailedException",
                412,
                "The RevisionId provided does not match the latest RevisionId. Call the GetPolicy API to retrieve the "
                "latest RevisionId for your resource.",
            )

    def _store(self, function: Function, qualifier: str | None, document: Document) -> Policy:
        size = len(compact(rendered(document)).encode())
        if size > LIMIT:
            raise AwsError(
                "PolicyLengthExceededException", 400, f"The final policy size ({size}) is bigger than the limit ({LIMIT})."
            )
        if self.switches.public_policy_blocked and is_public(document):
            raise AwsError(
                "PublicPolicyException",
                400,
                "The policy grants public access, and public access is blocked for this function.",
            )
        policy = function.set_policy(qualifier, document)
        assert policy is not None  # noqa: S101 - set_policy returns the policy it was given
        return policy


def seed_policy(function: Function, qualifier: str | None, document: Document | None) -> None:
    """Give a function a policy as if it had been there for long. Ids of deleted principals are allowed."""
    if document is None:
        function.set_policy(qualifier, None, at=NEVER)
        return
    if not function.has(qualifier):
        raise ValueError(f"{function.qualified(qualifier)} does not exist: make the alias or version first.")
    try:
        stored = checked_document(compact(document), lenient=True)
    except AwsError as error:
        raise ValueError(f"The policy for {function.qualified(qualifier)} cannot be seeded: {error.message}") from None
    function.set_policy(qualifier, stored, at=NEVER)
