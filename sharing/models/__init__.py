"""What we remember."""

from .access_request import AccessRequest, RequestKind, RequestState
from .account import Account, Connection, ConnectionState, Installation, Purpose
from .bulk import Bulk, BulkItem, BulkItemState, BulkPlace, BulkState, Judgement
from .check import Check, CheckState, Occasion
from .consumer import KeptConsumer
from .event import AppendOnly, Event
from .finding import Finding, FindingCount, FindingPass, FindingState, FindingVisit, Weight
from .freeze import CountedWrite, Freeze
from .function import Function, Qualifier, QualifierKind
from .grant import Grant, GrantState, Verdict, Wanted
from .group import Group, GroupMember, GroupShare
from .invitation import Invitation, InvitationItem, InvitationState, Proof
from .invocation import Invocation, InvocationState, InvocationType
from .joining import Joiner, JoinerState, Joining
from .latch import Latch
from .layer import LayerExposure, LayerPolicyVersion, LayerVersion
from .layer_grant import LayerGrant
from .mapping import Mapping
from .mapping_change import MappingChange, MappingChangeKind, MappingChangeState
from .membership import Membership
from .notice import Notice, NoticeState
from .offboarding import Offboarding, OffboardingItem
from .organization import Organization, OrganizationMember, OrganizationUnit
from .person import Actor, Role, Theme, User
from .place import ReadPlace
from .policy import Exposure, Mention, Policy, PolicyVersion, Reading
from .proving import Proving, ProvingState, Seen
from .pulse import CallCount, Pulse, PulseKind
from .renewal import Renewal
from .seal import Seal
from .shipment import Erasure, Shipment
from .sign_in_failure import SignInFailure
from .sync import Sync, SyncKind, SyncState
from .tally import PartyTally, Tallied, Tally, TallyDue
from .trust import Trusted, TrustKind
from .waking import KeptWaker, SourceCount, WakerCount, WakingDue
from .wiring import StepState, TestState, Wiring, WiringSource, WiringState, WiringStep

__all__ = [
    "AccessRequest",
    "Account",
    "Actor",
    "AppendOnly",
    "Bulk",
    "BulkItem",
    "BulkItemState",
    "BulkPlace",
    "BulkState",
    "CallCount",
    "Check",
    "CheckState",
    "Connection",
    "ConnectionState",
    "CountedWrite",
    "Erasure",
    "Event",
    "Exposure",
    "Finding",
    "FindingCount",
    "FindingPass",
    "FindingState",
    "FindingVisit",
    "Freeze",
    "Function",
    "Grant",
    "GrantState",
    "Group",
    "GroupMember",
    "GroupShare",
    "Installation",
    "Invitation",
    "InvitationItem",
    "InvitationState",
    "Invocation",
    "InvocationState",
    "InvocationType",
    "Joiner",
    "JoinerState",
    "Joining",
    "Judgement",
    "KeptConsumer",
    "KeptWaker",
    "Latch",
    "LayerExposure",
    "LayerGrant",
    "LayerPolicyVersion",
    "LayerVersion",
    "Mapping",
    "MappingChange",
    "MappingChangeKind",
    "MappingChangeState",
    "Membership",
    "Mention",
    "Notice",
    "NoticeState",
    "Occasion",
    "Offboarding",
    "OffboardingItem",
    "Organization",
    "OrganizationMember",
    "OrganizationUnit",
    "PartyTally",
    "Policy",
    "PolicyVersion",
    "Proof",
    "Proving",
    "ProvingState",
    "Pulse",
    "PulseKind",
    "Purpose",
    "Qualifier",
    "QualifierKind",
    "ReadPlace",
    "Reading",
    "Renewal",
    "RequestKind",
    "RequestState",
    "Role",
    "Seal",
    "Seen",
    "Shipment",
    "SignInFailure",
    "SourceCount",
    "StepState",
    "Sync",
    "SyncKind",
    "SyncState",
    "Tallied",
    "Tally",
    "TallyDue",
    "TestState",
    "Theme",
    "TrustKind",
    "Trusted",
    "User",
    "Verdict",
    "WakerCount",
    "WakingDue",
    "Wanted",
    "Weight",
    "Wiring",
    "WiringSource",
    "WiringState",
    "WiringStep",
]
