"""What a deleted role or user was called: AWS keeps only its unique id in the statement (aws-facts 1.7)."""

from __future__ import annotations

from sharing.models import Grant, Policy
from sharing.policy import PrincipalKind, Statement, parse

_VERSIONS = 50
_NAMED = (PrincipalKind.ROLE, PrincipalKind.USER)


def former_names(policy: Policy, statement: Statement) -> dict[str, str]:
    """Unique ids in the statement and the ARN each stood for; "" where nobody here saw it. Two queries at most.

    Known from the grant that wrote the statement, or from an earlier read of a statement with the same Sid.
    """
    ghosts = [one.value for one in statement.principals if one.kind is PrincipalKind.GHOST]
    if not ghosts or not statement.sid:
        return dict.fromkeys(ghosts, "")
    granted = Grant.objects.filter(policy=policy, sid=statement.sid).order_by("-created_at").first()
    if granted is not None and len(ghosts) == 1 and granted.principal.startswith("arn:"):
        return {ghosts[0]: granted.principal}
    still = {str(one) for one in statement.principals}
    for text in policy.versions.exclude(document="").values_list("document", flat=True)[:_VERSIONS]:
        for earlier in parse(text).by_sid(statement.sid):
            gone = [str(one) for one in earlier.principals if one.kind in _NAMED and str(one) not in still]
            if len(gone) == len(ghosts) == 1:
                return {ghosts[0]: gone[0]}
    return dict.fromkeys(ghosts, "")
