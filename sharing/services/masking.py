"""Event source tokens are shared secrets: policies are kept with a keyed digest in their place.

Two tokens can be told apart by their masks; neither can be found from them.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.crypto import salted_hmac

PREFIX = "masked:"
_KEY = "lambda:eventsourcetoken"
_DEEPEST = 64
_HIDDEN = "•••"


def fingerprint(token: str) -> str:
    """A keyed digest of a token, in hex; "" of none."""
    return salted_hmac("sharing.event-source-token", token, algorithm="sha256").hexdigest() if token else ""


def mask(token: str) -> str:
    """What is kept in a token's place: `masked:` and 12 hexadecimal digits. A mask is left as it is."""
    return token if token.startswith(PREFIX) else PREFIX + fingerprint(token)[:12]


def holds_tokens(text: str) -> bool:
    """Whether a policy's text may hold a token: written in any case, or hidden in escapes."""
    return _KEY in text.lower() or "\\u" in text


def mask_tokens(raw: Any) -> Any:
    """A copy of a stored statement or policy (JSON value) with every event source token masked.

    What is nested more deeply than any real policy is hidden as a whole.
    """
    return _masked(raw, 0)


def _masked(raw: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return _HIDDEN
    if isinstance(raw, Mapping):
        return {
            key: _hide(value) if str(key).lower().startswith(_KEY) else _masked(value, depth + 1) for key, value in raw.items()
        }
    return [_masked(item, depth + 1) for item in raw] if isinstance(raw, list | tuple) else raw


def _hide(value: Any) -> Any:
    return [mask(str(item)) for item in value] if isinstance(value, list | tuple) else mask(str(value))


def tokens_in(statement: Any) -> list[str]:
    """The tokens (or masks) that a stored statement names."""
    conditions = statement.get("Condition") if isinstance(statement, Mapping) else None
    found: list[str] = []
    for keys in conditions.values() if isinstance(conditions, Mapping) else ():
        for key, value in keys.items() if isinstance(keys, Mapping) else ():
            if str(key).lower() == _KEY:
                found += [str(item) for item in (value if isinstance(value, list | tuple) else [value])]
    return found


def same_token(stored: Any, token_fingerprint: str) -> bool:
    """Whether the token in a stored statement (in clear or masked) is the one with this fingerprint."""
    return all(mask(token) == PREFIX + token_fingerprint[:12] for token in tokens_in(stored))
