"""What a permission is: pure code that knows neither Django nor AWS's SDK, the network or the clock."""

from .arn import ArnError, FunctionArn
from .document import Document, compare, parse, render
from .permission import Permission, Problem, same_statement
from .principal import Principal, PrincipalKind
from .statement import Statement
from .who import WhoError, parse_who

__all__ = [
    "ArnError",
    "Document",
    "FunctionArn",
    "Permission",
    "Principal",
    "PrincipalKind",
    "Problem",
    "Statement",
    "WhoError",
    "compare",
    "parse",
    "parse_who",
    "render",
    "same_statement",
]
