"""What a policy says without effect: Allow statements that let nobody in, and those that a Deny shuts out.

A trigger that a Deny kills (an organisation's perimeter, say, which services never pass) stops working silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .arn import FunctionArn
from .document import Document, parse
from .exposure import Kind
from .reduction import reduction
from .statement import Statement


@dataclass(frozen=True, slots=True)
class Blocked:
    """Somebody whom `statements` name and the Deny `by` certainly shuts out, with the actions concerned."""

    by: Statement
    kind: Kind
    principal: str
    account: str | None
    actions: tuple[str, ...]
    statements: tuple[Statement, ...]

    @property
    def is_trigger(self) -> bool:
        """Whether it is a service that no longer can call."""
        return self.kind is Kind.SERVICE


def blocked(document: Document | str | Mapping[str, Any] | None, *, function_arn: FunctionArn | str) -> list[Blocked]:
    """Everybody an Allow names and a Deny shuts out completely, one entry for each Deny that does."""
    policy, function = _read(document, function_arn)
    return [
        Blocked(
            policy.statements[one.deny],
            Kind(one.reach.kind),
            one.reach.principal,
            one.reach.account,
            tuple(sorted(one.reach.candidate.actions)),
            tuple(policy.statements[index] for index in one.reach.candidate.statements),
        )
        for one in reduction(policy, function).blocked
    ]


def ineffective(document: Document | str | Mapping[str, Any] | None, *, function_arn: FunctionArn | str) -> list[Statement]:
    """The Allow statements that let nobody in: their conditions cannot hold together, or they are on something else."""
    policy, function = _read(document, function_arn)
    return [policy.statements[index] for index in reduction(policy, function).nobody]


def _read(document: Document | str | Mapping[str, Any] | None, function_arn: FunctionArn | str) -> tuple[Document, FunctionArn]:
    function = function_arn if isinstance(function_arn, FunctionArn) else FunctionArn.parse(function_arn)
    return document if isinstance(document, Document) else parse(document, partition=function.partition), function
