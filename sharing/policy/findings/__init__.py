"""What somebody should look at: one rule, one function over plain facts; a closed list, each with a page of explanation.

`of_policy` runs every rule about one policy. The rules about places and shares (`watched`) are asked one by one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Final

from . import exposed, urls, written
from .catalogue import RULES
from .shapes import Facts, Found, Rule, Severity, Who, digest_of, joined

__all__ = ["OF_POLICIES", "RULES", "VERSION", "Facts", "Found", "Rule", "Severity", "Who", "digest_of", "of_policy"]

#: Counted up whenever a rule says something else about an unchanged policy: everything kept is judged anew then.
VERSION: Final = 1

#: The rules about one policy, by code.
OF_POLICIES: Final[dict[str, Callable[[Facts], Iterator[Found]]]] = {
    "public": exposed.public,
    "public-depends": exposed.public_depends,
    "public-url": exposed.public_url,
    "open-service": exposed.open_service,
    "ghost": exposed.ghost,
    "manage-outsider": exposed.manage_outsider,
    "read-outsider": exposed.read_outsider,
    "unknown-account": exposed.unknown_account,
    "url-half": urls.url_half,
    "url-idle": urls.url_idle,
    "url-unanswered": urls.url_unanswered,
    "authorises-nothing": written.authorises_nothing,
    "nearly-full": written.nearly_full,
    "no-sid": written.no_sid,
    "malformed": written.malformed,
    "shadowed": written.shadowed,
    "deny-kills": written.deny_kills,
}


def of_policy(facts: Facts) -> dict[uuid.UUID, Found]:
    """Everything there is to find in one policy, by stable id (of rule, policy and statement)."""
    found: dict[uuid.UUID, list[Found]] = {}
    place = str(facts.function)
    for rule in OF_POLICIES.values():
        for one in rule(facts):
            found.setdefault(one.id_at(place), []).append(one)
    return {key: joined(same) for key, same in found.items()}
