"""What we remember."""

from .account import Account, Connection, ConnectionState, Installation, Purpose
from .check import Check, CheckState, Occasion
from .event import AppendOnly, Event
from .finding import Finding, FindingCount, FindingPass, FindingState, FindingVisit, Weight
from .function import Function, Qualifier, QualifierKind
from .grant import Grant, GrantState, Verdict, Wanted
from .layer import LayerExposure, LayerPolicyVersion, LayerVersion
from .layer_grant import LayerGrant
from .mapping import Mapping
from .person import Actor, Role, Theme, User
from .policy import Exposure, Policy, PolicyVersion, Reading
from .seal import Seal
from .sync import Sync, SyncKind, SyncState
from .tally import Tallied, Tally, TallyDue
from .trust import Trusted, TrustKind

__all__ = [
    "Account",
    "Actor",
    "AppendOnly",
    "Check",
    "CheckState",
    "Connection",
    "ConnectionState",
    "Event",
    "Exposure",
    "Finding",
    "FindingCount",
    "FindingPass",
    "FindingState",
    "FindingVisit",
    "Function",
    "Grant",
    "GrantState",
    "Installation",
    "LayerExposure",
    "LayerGrant",
    "LayerPolicyVersion",
    "LayerVersion",
    "Mapping",
    "Occasion",
    "Policy",
    "PolicyVersion",
    "Purpose",
    "Qualifier",
    "QualifierKind",
    "Reading",
    "Role",
    "Seal",
    "Sync",
    "SyncKind",
    "SyncState",
    "Tallied",
    "Tally",
    "TallyDue",
    "Theme",
    "TrustKind",
    "Trusted",
    "User",
    "Verdict",
    "Wanted",
    "Weight",
]
