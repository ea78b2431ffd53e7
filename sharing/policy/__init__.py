"""What a permission is: pure code that knows neither Django nor AWS's SDK, the network or the clock."""

from .actions import ACTIONS, ActionClass
from .arn import ArnError, FunctionArn
from .covering import Extent, StillIn, covering, denying, still_lets_in
from .decision import Certainty, Decision, Outcome, decide
from .document import LIMIT, Changes, Document, compare, parse, render, size_after
from .export import aws_cli, aws_cli_remove
from .exposure import NO_URL, Answer, Audience, Exposure, Kind, Zone, exposures
from .ineffective import Blocked, blocked, ineffective
from .origin import Origin, Tool, origin_of
from .permission import Permission, Problem, mask_statement, same_statement, why_not_writable
from .principal import Principal, PrincipalKind
from .sentence import Part, plain, sentence
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
    "Blocked",
    "Certainty",
    "Changes",
    "Condition",
    "Decision",
    "Document",
    "Exposure",
    "Extent",
    "FunctionArn",
    "Kind",
    "Origin",
    "Outcome",
    "Part",
    "Permission",
    "Principal",
    "PrincipalKind",
    "Problem",
    "Statement",
    "StillIn",
    "Tool",
    "WhoError",
    "Zone",
    "aws_cli",
    "aws_cli_remove",
    "blocked",
    "canonical",
    "compare",
    "covering",
    "decide",
    "denying",
    "exposures",
    "ineffective",
    "mask_statement",
    "origin_of",
    "parse",
    "parse_who",
    "plain",
    "render",
    "same_statement",
    "sentence",
    "size_after",
    "still_lets_in",
    "why_not_writable",
]
