"""May this caller do this? Identity policies, boundary, session policy and the resource policy, Deny first.

Cross-account both sides must allow; inside an account either side is enough, and a statement that names only the
account delegates to its identity policies (IAM user guide, cross-account evaluation logic).
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sharing.sandbox.errors import AwsError, denied
from sharing.sandbox.evaluation import Document, Reach, identity_outcome, resource_outcome
from sharing.sandbox.identity import Caller, Directory, Rights, backend, find_role_by_arn, parsed
from sharing.sandbox.switches import Switches

Side = Literal["identity", "resource", "session", "boundary"]

#: Actions that a function's resource policy can grant to another account (aws-facts 1.8, complete list).
GRANTABLE = frozenset(
    [
        "CreateAlias",
        "DeleteAlias",
        "DeleteFunction",
        "DeleteFunctionConcurrency",
        "DeleteFunctionEventInvokeConfig",
        "DeleteProvisionedConcurrencyConfig",
        "GetAlias",
        "GetFunction",
        "GetFunctionConcurrency",
        "GetFunctionConfiguration",
        "GetFunctionEventInvokeConfig",
        "GetPolicy",
        "GetProvisionedConcurrencyConfig",
        "InvokeFunction",
        "InvokeFunctionUrl",
        "ListAliases",
        "ListFunctionEventInvokeConfigs",
        "ListProvisionedConcurrencyConfigs",
        "ListTags",
        "ListVersionsByFunction",
        "PublishVersion",
        "PutFunctionConcurrency",
        "PutFunctionEventInvokeConfig",
        "PutProvisionedConcurrencyConfig",
        "TagResource",
        "UntagResource",
        "UpdateAlias",
        "UpdateFunctionCode",
        "UpdateFunctionEventInvokeConfig",
    ]
)

#: What a layer version's policy can grant to another account (aws-facts 7).
GRANTABLE_ON_LAYERS = frozenset(["GetLayerVersion"])

_NAMES = {
    "identity": "identity-based policy",
    "resource": "resource-based policy",
    "session": "session policy",
    "boundary": "permissions boundary",
}


@dataclass(frozen=True)
class Verdict:
    """allowed, or refused by which side and whether by an explicit Deny."""

    allowed: bool
    side: Side | None = None
    explicit: bool = False

    def refusal(self, caller: Caller, action: str, resource: str) -> str:
        """The sentence AWS puts into AccessDenied."""
        start = f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource}"
        if self.side is None:
            return start
        if self.explicit:
            article = "an" if self.side == "identity" else "a"
            return f"{start} with an explicit deny in {article} {_NAMES[self.side]}"
        return f"{start} because no {_NAMES[self.side]} allows the {action} action"


def decide(
    caller: Caller,
    rights: Rights,
    action: str,
    resource: str,
    owner: str,
    policy: Document | None,
    context: dict[str, list[str]],
) -> Verdict:
    """The full decision for one action on one resource of account `owner`. policy: the resource's, None if it has none."""
    ours = resource_outcome(policy, caller.who, action, resource, context)
    identity_denied, identity_allowed = identity_outcome(rights.identity, action, resource, context)
    if identity_denied:
        return Verdict(False, "identity", True)
    boundary_allowed = session_allowed = True
    if rights.boundary is not None:
        boundary_denied, boundary_allowed = identity_outcome(rights.boundary, action, resource, context)
        if boundary_denied:
            return Verdict(False, "boundary", True)
    if rights.session is not None:
        session_denied, session_allowed = identity_outcome(rights.session, action, resource, context)
        if session_denied:
            return Verdict(False, "session", True)
    if ours.denied:
        return Verdict(False, "resource", True)
    if caller.account == owner:
        # A statement that names the session or the user grants past boundary and session policy.
        if ours.allowed in (Reach.SESSION, Reach.USER):
            return Verdict(True)
        if not identity_allowed and ours.allowed not in (Reach.ROLE, Reach.ANYONE):
            return Verdict(False, "identity")
    else:
        if not identity_allowed:
            return Verdict(False, "identity")
        if ours.allowed is Reach.NONE:
            return Verdict(False, "resource")
    if not boundary_allowed:
        return Verdict(False, "boundary")
    if not session_allowed:
        return Verdict(False, "session")
    return Verdict(True)


class Gate:
    """Decides with the facts of the running sandbox."""

    def __init__(self, directory: Directory, switches: Switches) -> None:
        self.directory = directory
        self.switches = switches

    def context(self, caller: Caller, region: str, *, source_ip: str = "127.0.0.1", agent: str = "") -> dict[str, list[str]]:
        """Condition keys that AWS knows about every request of this caller. Keys in lower case."""
        now = time.time()
        values = {
            "aws:principalarn": caller.who.arn,
            "aws:principalaccount": caller.account,
            "aws:userid": caller.user_id,
            "aws:principaltype": "AssumedRole" if caller.session else "User",
            "aws:principalisawsservice": "false",
            "aws:viaawsservice": "false",
            "aws:securetransport": "true",
            "aws:sourceip": source_ip,
            "aws:currenttime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "aws:epochtime": str(int(now)),
            "aws:requestedregion": region,
        }
        if agent:
            values["aws:useragent"] = agent
        if caller.user_name:
            values["aws:username"] = caller.user_name
        if caller.session and caller.session.source_identity:
            values["aws:sourceidentity"] = caller.session.source_identity
        organisation = self.directory.organisations.get(caller.account)
        if organisation:
            values["aws:principalorgid"] = organisation
            values["aws:principalorgpaths"] = self.directory.path_of(caller.account)
        context = {key: [value] for key, value in values.items()}
        for name, value in self._tags(caller).items():
            context[f"aws:principaltag/{name.lower()}"] = [value]
        return context

    def _tags(self, caller: Caller) -> dict[str, str]:
        iam = backend(caller.account)
        if caller.session:
            role = iam.roles.get(caller.session.role_id)
            return {tag["Key"]: tag["Value"] for tag in (role.tags if role else [])}
        found = iam.tagger.list_tags_for_resource(caller.who.arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def check(
        self,
        caller: Caller,
        action: str,
        resource: str,
        owner: str,
        policy: Document | None,
        context: dict[str, list[str]],
        *,
        delayed: bool = False,
    ) -> None:
        """Raise AccessDeniedException unless allowed. delayed: obey the propagation delay, as Invoke does."""
        context = {**context, "aws:resourceaccount": [owner]}
        organisation = self.directory.organisations.get(owner)
        if organisation:
            context["aws:resourceorgid"] = [organisation]
            context["aws:resourceorgpaths"] = [self.directory.path_of(owner)]
        rights = self.directory.rights(caller, self.switches.propagation_delay if delayed else 0.0)
        grantable = action.partition(":")[2] in GRANTABLE | GRANTABLE_ON_LAYERS
        same = caller.account == owner
        verdict = decide(caller, rights, action, resource, owner, policy if grantable or same else None, context)
        if not verdict.allowed:
            raise denied(verdict.refusal(caller, action, resource))

    def check_action(self, caller: Caller, action: str, context: dict[str, list[str]], resource: str | None = None) -> None:
        """For services behind moto: the caller's policies must allow the action on the resource.

        Without one, some policy must allow the action, whatever its resource, and none may deny it on all.
        `service:?` asks about a REST operation whose name the request does not carry: any action of the service will do.
        """
        rights = self.directory.rights(caller)
        for side, documents in (("identity", rights.identity), ("boundary", rights.boundary), ("session", rights.session)):
            if documents is None:
                continue
            refused, allowed = identity_outcome(documents, action, resource, context)
            if refused or not allowed:
                verdict = Verdict(False, side, refused)  # type: ignore[arg-type]
                message = verdict.refusal(caller, action, resource or "*")
                raise AwsError("AccessDenied", 403, message)

    def assume(self, caller: Caller, role_arn: str, actions: list[str], context: dict[str, list[str]]) -> None:
        """Raise AccessDenied unless the caller may assume the role: trust policy and the caller's own policies.

        The answer never says why, nor whether the role exists (aws-facts 5.1).
        """
        role = find_role_by_arn(role_arn)
        account = role_arn.split(":")[4]
        trust = parsed(role.assume_role_policy_document) if role else None
        rights = self.directory.rights(caller)
        for action in actions:
            refusal = AwsError(
                "AccessDenied",
                403,
                f"User: {caller.arn} is not authorized to perform: {action} on resource: {role_arn}",
            )
            outcome = resource_outcome(trust, caller.who, action, role_arn, context, trust=True)
            refused, allowed = identity_outcome(rights.identity, action, role_arn, context)
            if outcome.denied or refused or outcome.allowed is Reach.NONE:
                raise refusal
            named = outcome.allowed is not Reach.ACCOUNT
            if not allowed and not (named and account == caller.account):
                raise refusal
            for limits in (rights.boundary, rights.session):
                if limits is not None:
                    refused, allowed = identity_outcome(limits, action, role_arn, context)
                    if refused or not allowed:
                        raise refusal
