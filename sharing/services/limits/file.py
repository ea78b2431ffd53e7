"""The file of WORKER_LIMITS: strict, every key said, read anew for each write. What cannot be understood lets nothing through.

No key may be left out, so that a file that was cut short never means fewer limits; `"any"` says that there is none.
"""

from __future__ import annotations

import hashlib
import re
import stat
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sharing import environment
from sharing.policy.principal import ORGANIZATION_ID

ANY: Final = "any"
_MOST_BYTES: Final = 256 * 1024
_MOST_GRANTS: Final = 1_000_000
_KEYS: Final = frozenset({"writable_accounts", "everyone", "manage", "grants_per_hour", "principals"})
_PRINCIPALS: Final = frozenset({"accounts", "organisations", "services"})
_FORMS: Final = {
    "accounts": (re.compile(r"[0-9]{12}"), "an account id of 12 digits"),
    "organisations": (ORGANIZATION_ID, "an organisation id (o-…)"),
    "services": (
        re.compile(r"[a-z0-9][a-z0-9.-]{0,200}\.(?:amazonaws\.com(?:\.cn)?|amazon\.com)"),
        "a service (s3.amazonaws.com)",
    ),
}


class Unreadable(Exception):
    """The file is not there, or says what nobody understands. `str()`: a sentence, with nothing of the file but keys."""


@dataclass(frozen=True)
class Limits:
    """What a worker may write. None in a field: no such limit. `digest`: SHA-256 of the file, 64 hex digits."""

    writable_accounts: frozenset[str] | None
    accounts: frozenset[str] | None
    organisations: frozenset[str] | None
    services: frozenset[str] | None
    everyone: bool
    manage: bool
    grants_per_hour: int | None
    digest: str = ""

    def summary(self) -> list[str]:
        """In words, with numbers in place of names: pages show it to people who may not see every account."""
        where = "any connected account" if self.writable_accounts is None else _many(self.writable_accounts, "account")
        kinds = ((self.accounts, "account"), (self.organisations, "organisation"), (self.services, "service"))
        who = [f"any {word}" if listed is None else _many(listed, word) for listed, word in kinds]
        often = "any number" if self.grants_per_hour is None else f"at most {self.grants_per_hour:,}"
        return [
            f"Writes in {where}.",
            f"Shares with {who[0]}, {who[1]} and {who[2]}.",
            "Shares with everyone." if self.everyone else "Nothing is shared with everyone.",
            "Rights to change a function are shared." if self.manage else "No rights to change a function are shared.",
            f"Grants an hour: {often}.",
        ]


def read() -> Limits | None:
    """What the file says now; None: this worker was started without one. Raises Unreadable."""
    path = environment.worker_limits()
    return parse(_bytes_of(path)) if path is not None else None


def parse(data: bytes) -> Limits:
    """What these bytes say. Raises Unreadable."""
    try:
        said = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise Unreadable(f"It is no TOML: {problem}.") from None
    _exactly(said, _KEYS, "")
    principals = said["principals"]
    if not isinstance(principals, dict):
        raise Unreadable("principals is no table.")
    _exactly(principals, _PRINCIPALS, "principals.")
    return Limits(
        writable_accounts=_names(said["writable_accounts"], "accounts", "writable_accounts"),
        accounts=_names(principals["accounts"], "accounts", "principals.accounts"),
        organisations=_names(principals["organisations"], "organisations", "principals.organisations"),
        services=_names(principals["services"], "services", "principals.services"),
        everyone=_switch(said["everyone"], "everyone"),
        manage=_switch(said["manage"], "manage"),
        grants_per_hour=_number(said["grants_per_hour"]),
        digest=hashlib.sha256(data).hexdigest(),
    )


def _bytes_of(path: Path) -> bytes:
    if not path.is_absolute():
        raise Unreadable("WORKER_LIMITS is no absolute path.")
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            if not stat.S_ISREG(mode):
                raise Unreadable("It is no file.")
            if mode & stat.S_IWOTH:
                raise Unreadable("Everybody on the worker's machine may write to it.")
            data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as problem:  # ValueError: a NUL byte in the path
        raise Unreadable(f"It could not be read ({type(problem).__name__}).") from None
    if len(data) > _MOST_BYTES:
        raise Unreadable(f"It has more than {_MOST_BYTES:,} bytes.")
    return data


def _exactly(said: dict[str, Any], keys: frozenset[str], where: str) -> None:
    if unknown := sorted(set(said) - keys):
        raise Unreadable(f"It has keys that nobody knows: {', '.join(where + key[:60] for key in unknown[:5])}.")
    if missing := sorted(keys - set(said)):
        raise Unreadable(f"It lacks {', '.join(where + key for key in missing)}.")


def _names(value: Any, form: str, key: str) -> frozenset[str] | None:
    if value == ANY:
        return None
    pattern, what = _FORMS[form]
    if not isinstance(value, list):
        raise Unreadable(f'{key} is neither a list nor "{ANY}".')
    for place, one in enumerate(value, start=1):
        if not isinstance(one, str) or not pattern.fullmatch(one):
            raise Unreadable(f"Entry {place} of {key} is not {what}.")
    return frozenset(value)


def _switch(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise Unreadable(f"{key} is neither true nor false.")
    return value


def _number(value: Any) -> int | None:
    if value == ANY:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_GRANTS:
        raise Unreadable(f'grants_per_hour is neither a number from 0 to {_MOST_GRANTS:,} nor "{ANY}".')
    return value


def _many(listed: Collection[str], word: str) -> str:
    return f"{len(listed)} {word}" if len(listed) == 1 else f"{len(listed)} {word}s"
