"""What a permission is: pure code that knows neither Django nor AWS's SDK, the network or the clock."""

from .actions import ACTIONS, ActionClass
from .arn import ArnError, FunctionArn
from .decision import Certainty, Decision, Outcome, decide
from .document import LIMIT, Changes, Document, compare, parse, render, size_after
from .exposure import NO_URL, Answer, Audience, Exposure, Kind, Zone, exposures
from .permission import Permission, Problem, mask_statement, same_statement, why_not_writable
from .principal import Principal, PrincipalKind
from .statement import Condition, Statement, canonical
from .who import WhoError, parse_who

__all__ = [
    "ACTIONS",
    "LIMIT",
    "NO_URL",
    "ActionClass",
    "Answer",
    "ArnError",
    "Audience",
    "Certainty",
    "Changes",
    "Condition",
    "Decision",
    "Document",
    "Exposure",
    "FunctionArn",
    "Kind",
    "Outcome",
    "Permission",
    "Principal",
    "PrincipalKind",
    "Problem",
    "Statement",
    "WhoError",
    "Zone",
    "canonical",
    "compare",
    "decide",
    "exposures",
    "mask_statement",
    "parse",
    "parse_who",
    "render",
    "same_statement",
    "size_after",
    "why_not_writable",
]
