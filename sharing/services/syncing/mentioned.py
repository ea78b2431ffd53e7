"""Which accounts' digits a policy holds."""

import re

_DIGITS = re.compile(r"(?=([0-9]{12}))")


def mentioned(text: str, owner: str) -> set[str]:
    """Every twelve digits in a row. `owner`: whose function it is: its resources hold these, so it takes more to be named."""
    found = set(_DIGITS.findall(text))
    if not (f"::{owner}:" in text or f'"{owner}"' in text or '"Condition"' in text):
        found.discard(owner)
    return found
