"""A document that AWS replaces whole, changed with care: read, changed, shown, read again, written, and read.

This file stands alone, and runs in Python 3.9: its text is part of the scripts that packs hand over.
"""

from __future__ import annotations

import difflib
import json
import time
from typing import Any


class Stop(Exception):
    """Nothing was written, or not what was meant; the message says why."""


def plain(value: Any, name: str = "") -> Any:
    """The value as it is compared: AWS gives lists in another order, one value without its list, names in other cases."""
    if isinstance(value, dict):
        return {str(key): plain(one, str(key)) for key, one in value.items() if one is not None and one != "" and one != []}
    if isinstance(value, (list, tuple)):
        found = sorted((plain(one, name) for one in value), key=lambda one: json.dumps(one, sort_keys=True, default=str))
        return found[0] if len(found) == 1 else found
    if name == "Action" or (name == "Name" and str(value).lower() in ("prefix", "suffix")):
        return str(value).lower()
    return value


def difference(before: Any, after: Any) -> str:
    """What would change, line by line."""
    texts = [json.dumps(one, indent=2, sort_keys=True, default=str).splitlines() for one in (before, after)]
    return "\n".join(difflib.unified_diff(texts[0], texts[1], "as it is", "as it becomes", lineterm=""))


def settle(what: str, read: Any, change: Any, write: Any, show: bool = False, say: Any = print, wait: Any = time.sleep) -> None:
    """Read, change, show the difference, read again, write, and read what came of it.

    Nothing is written when nothing changes, or when the document changed between the two reads.
    """
    before = read()
    after = change(before)
    if plain(after) == plain(before):
        say(f"{what}: it is so already.")
        return
    say(f"{what}:")
    say(difference(before, after))
    if show:
        return
    if plain(read()) != plain(before):
        raise Stop(f"{what}: somebody changed it in between, and nothing was written. Run this again.")
    write(after)
    for pause in (0, 1, 2, 4):
        wait(pause)
        if plain(read()) == plain(after):
            say(f"{what}: done.")
            return
    raise Stop(f"{what}: it was written, and reads differently now. Look at it before anything else.")
