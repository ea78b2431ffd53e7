"""Following one statement through the contents that a policy had: what it is called, and what changed of it."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from .arn import is_account_id
from .document import Document
from .statement import Statement, canonical, repr_key

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)
_DIGEST: Final = "~"
_CONTEXT: Final = 3


def statement_key(statement: Statement) -> str:
    """How to ask for it again: its Sid, or for one without an ordinary Sid a digest of its content."""
    sid = statement.sid or ""
    if _PLAIN.fullmatch(sid):
        return sid
    return _DIGEST + hashlib.sha256(repr_key(statement.raw).encode("utf-8", "surrogatepass")).hexdigest()[:20]


def is_sid(key: str) -> bool:
    """Whether a key is a Sid, which keeps its name when its content changes."""
    return _PLAIN.fullmatch(key) is not None


def by_key(document: Document, key: str) -> tuple[Statement, ...]:
    """The statements of that key: one, unless a Sid is there twice."""
    if is_sid(key):
        return document.by_sid(key)
    return tuple(one for one in document.statements if statement_key(one) == key)


def same(before: tuple[Statement, ...], after: tuple[Statement, ...]) -> bool:
    """Whether two contents of one key mean the same; spelling and order do not count."""
    return sorted(map(repr, (canonical(one.raw) for one in before))) == sorted(map(repr, (canonical(one.raw) for one in after)))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a comparison: `sign` is "+", "-" or " "."""

    sign: str
    text: str


def difference(before: tuple[Statement, ...], after: tuple[Statement, ...]) -> tuple[Line, ...]:
    """What became of the JSON of a statement, line by line, with a little of what stayed."""
    return _difference(_lines(before), _lines(after))


def changed(before: Any, after: Any) -> tuple[Line, ...]:
    """What became of any JSON, line by line, with a little of what stayed."""
    return _difference(_text(before).splitlines(), _text(after).splitlines())


def _difference(old: list[str], new: list[str]) -> tuple[Line, ...]:
    found = difflib.unified_diff(old, new, lineterm="", n=_CONTEXT)
    return tuple(Line(line[:1], line[1:]) for line in found if not line.startswith(("---", "+++", "@@")))


def _lines(statements: tuple[Statement, ...]) -> list[str]:
    return [line for one in statements for line in _text(one.raw).splitlines()]


def _text(raw: Any) -> str:
    try:
        return json.dumps(raw, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    except (RecursionError, ValueError, TypeError):
        return repr_key(raw)


def names_account(statement: Statement, account: str) -> bool:
    """Whether a statement is about that account: as a principal, or by a value of a condition."""
    if not is_account_id(account):
        return False
    if any(one.account == account for one in (*statement.principals, *statement.not_principals)):
        return True
    return any(account in _words(value) for condition in statement.conditions for value in condition.values)


def _words(value: str) -> list[str]:
    """The parts of an ARN or text between anything that is no digit, so that 13 digits hold no account."""
    return re.split(r"[^0-9]+", value)
