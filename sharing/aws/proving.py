"""Trying a role before it is trusted: does it demand our ExternalId, whose account is it, what may it do?

Nothing is changed in AWS. Reads are tried on a real function where there is one, else on a name that cannot exist; writes
only on such a name, with a revision that cannot match: 404 or 412 say permitted, 403 says not (aws-facts 5.2, UNVERIFIED
on AWS itself).
"""

import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sharing.policy.arn import FunctionArn

from . import session
from .calling import Caller
from .errors import AwsError, Refused, Unavailable
from .metrics import Metrics
from .pace import Pace
from .session import CallerIdentity, RoleRef

SESSION_NAME = "fnshare-test"
_REVISION = "00000000-0000-4000-8000-000000000000"
_DISABLED = {"UnrecognizedClientException", "InvalidClientTokenId", "RegionDisabledException", "OptInRequired", "AuthFailure"}


class Outcome(StrEnum):
    """What trying a call showed."""

    PERMITTED = "permitted"
    DENIED = "denied"
    DISABLED = "disabled"  # the region is not enabled in the account
    UNKNOWN = "unknown"  # no answer: time-out, throttling, 5xx


@dataclass(frozen=True)
class Probe:
    """One call that was tried. error: what AWS said when it was not simply done."""

    outcome: Outcome
    error: AwsError | None = None

    @property
    def permitted(self) -> bool:
        """Whether AWS let the call through."""
        return self.outcome == Outcome.PERMITTED


@dataclass(frozen=True)
class TrustProof:
    """AssumeRole tried with no, a wrong and the right ExternalId: the role is safe if only the last was let in.

    identity: who one is then; it names the account for sure. refusal: why the right one was not let in.
    """

    accepts_none: bool
    accepts_wrong: bool
    accepts_right: bool
    identity: CallerIdentity | None
    refusal: Refused | None

    @property
    def enforced(self) -> bool:
        """Whether the trust policy really demands the ExternalId."""
        return not self.accepts_none and not self.accepts_wrong


def prove_trust(role: RoleRef) -> TrustProof:
    """Try the three (aws-facts 5.4). Raises Unavailable when AWS gives no answer."""
    wrong = f"fnshare-wrong-{secrets.token_hex(16)}"
    accepts_none = _entered(role, None) is None
    accepts_wrong = _entered(role, wrong) is None
    refusal = _entered(role, role.external_id)
    identity = None
    if refusal is None:
        session.drop(role)  # prove it with a session made now, not with one from before the trust policy changed
        identity = session.identity_of(role, session_name=SESSION_NAME)
    return TrustProof(accepts_none, accepts_wrong, refusal is None, identity, refusal)


def accepts(role: RoleRef, external_id: str) -> bool:
    """Whether the role lets one in with this ExternalId. Raises Unavailable."""
    return _entered(role, external_id) is None


def _entered(role: RoleRef, external_id: str | None) -> Refused | None:
    try:
        session.assume(role, session_name=SESSION_NAME, external_id=external_id)
    except Refused as refused:
        return refused
    return None


def enabled_regions(role: RoleRef) -> list[str] | None:
    """Regions the account has enabled; None when the role may not list them, or AWS did not say.

    IAM: account:ListRegions, else ec2:DescribeRegions.
    """
    region = session.home_region(role.partition)
    try:
        client = session.client("account", region, role, session_name=SESSION_NAME)
        found: list[str] = []
        request: dict[str, Any] = {"RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"], "MaxResults": 50}
        while True:
            said = client.list_regions(**request)
            found += [str(entry["RegionName"]) for entry in said["Regions"]]
            if not said.get("NextToken"):
                return sorted(found)
            request["NextToken"] = said["NextToken"]
    except (ClientError, BotoCoreError, OSError, KeyError, AwsError):
        pass
    try:
        client = session.client("ec2", region, role, session_name=SESSION_NAME)
        return sorted(str(entry["RegionName"]) for entry in client.describe_regions()["Regions"])
    except (ClientError, BotoCoreError, OSError, KeyError, AwsError):
        return None


class Prober(Caller):
    """Tries calls as the role itself, without a session policy: what the role may do, not what we would let it do."""

    def __init__(self, role: RoleRef, region: str, *, pace: Pace, timeout: float = 10.0) -> None:
        super().__init__(role, region, pace=pace, purpose="click", session_name=SESSION_NAME, timeout=timeout)
        self._policy = ""
        self.listed: str = ""  # a function that exists, for the reads

    @property
    def _nobody(self) -> str:
        return f"fnshare-probe-{secrets.token_hex(8)}"

    def list_functions(self) -> Probe:
        """lambda:ListFunctions; remembers a function's name for the other reads."""
        try:
            said = self.call("control", "ListFunctions", {"MaxItems": 1})
            for entry in said.get("Functions") or []:
                self.listed = str(entry.get("FunctionName", ""))
        except AwsError as error:
            return _judge(error)
        return Probe(Outcome.PERMITTED)

    def read(self, operation: str) -> Probe:
        """A read on one function: GetPolicy, ListAliases, ListTags...; on a missing one 404 says permitted."""
        name = self.listed or self._nobody
        request: dict[str, Any] = {"FunctionName": name}
        if operation == "ListTags":
            request = {"Resource": self._arn(name)}
        elif operation == "ListEventSourceMappings":
            request = {"MaxItems": 1}
        return self._try(operation, request)

    def add_permission(self, principal: str) -> Probe:
        """lambda:AddPermission for this principal, on a function that cannot exist, at a revision that cannot match."""
        request = {
            "FunctionName": self._nobody,
            "StatementId": "fnshare-probe",
            "Action": "lambda:InvokeFunction",
            "Principal": principal,
            "RevisionId": _REVISION,
        }
        return self._try("AddPermission", request)

    def remove_permission(self) -> Probe:
        """lambda:RemovePermission of a statement that cannot exist."""
        request = {"FunctionName": self._nobody, "StatementId": f"fnshare-probe-{secrets.token_hex(8)}"}
        return self._try("RemovePermission", request)

    def read_layers(self) -> Probe:
        """lambda:ListLayers, ListLayerVersions and GetLayerVersionPolicy, on a layer that cannot exist."""
        name = self._nobody
        for operation, request in (
            ("ListLayers", {"MaxItems": 1}),
            ("ListLayerVersions", {"LayerName": name, "MaxItems": 1}),
            ("GetLayerVersionPolicy", {"LayerName": name, "VersionNumber": 1}),
        ):
            probe = self._try(operation, request)
            if not probe.permitted:
                return probe
        return probe

    def share_layers(self) -> Probe:
        """lambda:AddLayerVersionPermission and RemoveLayerVersionPermission, on a layer that cannot exist."""
        of = {"LayerName": self._nobody, "VersionNumber": 1, "StatementId": f"fnshare-probe-{secrets.token_hex(8)}"}
        grant = {"Action": "lambda:GetLayerVersion", "Principal": self.role.account, "RevisionId": _REVISION}
        probe = self._try("AddLayerVersionPermission", {**of, **grant})
        return self._try("RemoveLayerVersionPermission", of) if probe.permitted else probe

    def map_sources(self) -> Probe:
        """lambda:CreateEventSourceMapping onto a function that cannot exist: its condition key is in the request, which of
        a mapping that cannot exist nobody knows.
        """
        name = self._nobody
        source = f"arn:{self.role.partition}:sqs:{self.region}:{self.role.account}:{name}"
        return self._try(
            "CreateEventSourceMapping", {"FunctionName": self._arn(name), "EventSourceArn": source, "Enabled": False}
        )

    def count_runs(self) -> Probe:
        """cloudwatch:GetMetricStatistics of a function that cannot exist: no data says permitted."""
        counter = Metrics(self.role, self.region, pace=self._pace, session_name=SESSION_NAME)
        try:
            counter.invocations_since(FunctionArn.parse(self._arn(self._nobody)), datetime.now(UTC))
        except AwsError as error:
            return _judge(error)
        return Probe(Outcome.PERMITTED)

    def _try(self, operation: str, request: Mapping[str, Any]) -> Probe:
        try:
            self.call("get-policy" if operation == "GetPolicy" else "control", operation, dict(request))
        except AwsError as error:
            return _judge(error)
        return Probe(Outcome.PERMITTED)

    def _arn(self, name: str) -> str:
        return f"arn:{self.role.partition}:lambda:{self.region}:{self.role.account}:function:{name}"


def in_regions(role: RoleRef, regions: list[str], *, pace: Pace) -> dict[str, tuple[Prober, Probe]]:
    """ListFunctions in each region, at the same time."""
    probers = {region: Prober(role, region, pace=pace) for region in regions}
    with ThreadPoolExecutor(max_workers=8) as pool:
        probes = pool.map(lambda prober: prober.list_functions(), probers.values())
        return {region: (prober, probe) for (region, prober), probe in zip(probers.items(), probes, strict=True)}


def _judge(error: AwsError) -> Probe:
    if error.is_access_denied:
        return Probe(Outcome.DENIED, error)
    if error.code in _DISABLED:
        # The session is good (GetCallerIdentity took it): a region that is not enabled knows no token.
        return Probe(Outcome.DISABLED, error)
    if isinstance(error, Unavailable):
        return Probe(Outcome.UNKNOWN, error)
    return Probe(Outcome.PERMITTED, error)
