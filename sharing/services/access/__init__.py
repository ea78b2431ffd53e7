"""Who has access, judged by sharing.policy on the policies as last read: no page and no command computes it by itself."""

from .finding import find_policy
from .invoking import Invocable, Way, who_can_invoke
from .listing import of_function, of_grant
from .rows import AccessRow, Who

__all__ = ["AccessRow", "Invocable", "Way", "Who", "find_policy", "of_function", "of_grant", "who_can_invoke"]
