"""The closed list of rules, each with its page of explanation."""

from __future__ import annotations

from typing import Final

from .explained import EXPLAINED
from .explained_watched import WATCHED
from .shapes import Rule

#: Every rule by code, the worst first, then in the order of the pages.
RULES: Final[dict[str, Rule]] = {rule.code: rule for rule in sorted((*EXPLAINED, *WATCHED), key=lambda rule: -rule.severity)}
