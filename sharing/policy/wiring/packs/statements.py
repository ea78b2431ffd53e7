"""One statement put into a resource's policy, or taken out; the others stay as they are.

This file stands alone beside settling, and runs in Python 3.9: its text is part of the scripts that packs hand over.
"""

from __future__ import annotations

import json
from typing import Any

from .settling import plain


def policy_in(answer: Any) -> Any:
    """The policy in the answer of a reading call; {} where there is none."""
    text = answer.get("Policy") or (answer.get("Attributes") or {}).get("Policy") or "{}"
    return json.loads(text)


def with_statement(policy: Any, statement: Any) -> Any:
    """The policy with this statement, in place of one with the same Sid; the others stay as they are."""
    held = statements(policy)
    places = [place for place, one in enumerate(held) if one.get("Sid") == statement["Sid"]]
    if places and plain(held[places[0]]) == plain(statement):
        return policy
    if places:
        held[places[0]] = statement
    else:
        held.append(statement)
    return {"Version": "2012-10-17", **policy, "Statement": held}


def without_statement(policy: Any, sid: str) -> Any:
    """The policy without the statement of this Sid; {} when it was the only one."""
    held = statements(policy)
    kept = [one for one in held if one.get("Sid") != sid]
    if len(kept) == len(held):
        return policy
    return {**policy, "Statement": kept} if kept else {}


def statements(policy: Any) -> list[Any]:
    """As a list: one may stand alone."""
    found = policy.get("Statement", [])
    return [found] if isinstance(found, dict) else list(found)
