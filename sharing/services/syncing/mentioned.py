"""Which accounts' digits a policy holds."""

import re
from typing import Final

from sharing.models import Mention, Policy

#: Counted up whenever other digits count as held by the same content: every content is looked through anew then.
VERSION: Final = 1
_DIGITS = re.compile(r"(?=([0-9]{12}))")


def mentioned(text: str, owner: str) -> set[str]:
    """Every twelve digits in a row. `owner`: whose function it is: its resources hold these, so it takes more to be named."""
    found = set(_DIGITS.findall(text))
    if not (f"::{owner}:" in text or f'"{owner}"' in text or '"Condition"' in text):
        found.discard(owner)
    return found


def mention(policy: Policy, text: str, *, known: str = "") -> None:
    """Keep which accounts' digits a content holds. Call it in the transaction that keeps the content.

    known: a content of this policy whose digits are kept already.
    """
    owner = policy.function.account.number
    new = sorted(mentioned(text, owner) - mentioned(known, owner))
    Mention.objects.bulk_create([Mention(policy=policy, number=one) for one in new], batch_size=500, ignore_conflicts=True)
