"""A whole policy document: read without failing, written back with the same meaning, measured, compared.

Facts: a function, an alias and a version each have a document of their own, limited to 20,480 bytes; AddPermission
makes `{"Version": "2012-10-17", "Id": "default", "Statement": [...]}`; after the last RemovePermission an empty
`Statement` list may remain.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from .statement import Doubled, Statement, canonical, parse_statement, repr_key

#: Bytes that AWS allows for one policy; one more is refused (PolicyLengthExceededException).
LIMIT: Final = 20480

_AGAIN: Final = " (again)"
_NEW: Final = {"Version": "2012-10-17", "Id": "default"}


@dataclass(unsafe_hash=True)
class Document:
    """One policy, to be treated as immutable. `raw` is the JSON value, `text` what was given when it was text.

    `exists` is False only for "AWS says there is no policy"; an unreadable text has a `problem` instead, because a
    policy that could not be read is never an empty one. `version` without an entry is "2008-10-17", as AWS reads it.
    """

    statements: tuple[Statement, ...] = ()
    version: str = "2008-10-17"
    id: str | None = None
    exists: bool = True
    problem: str | None = None
    text: str | None = field(default=None, compare=False, repr=False)
    raw: Any = field(default=None, compare=False, repr=False)

    @cached_property
    def size(self) -> int:
        """Bytes of the document as AWS counts them, 0 when there is none.

        Assumption: AWS counts the UTF-8 bytes of the compact JSON (no spaces) that GetPolicy returns.
        """
        return len(render(self).encode("utf-8", "surrogatepass")) if self.exists else 0

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hex: spacing and order of keys do not count, order of statements does."""
        if not self.exists:
            return hashlib.sha256(b"no policy").hexdigest()
        return hashlib.sha256(_canonical_json(self.raw).encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def fingerprint(self) -> bytes:
        """SHA-256 of the text as it was given, or of the canonical JSON where there was none: cheap, for caches only."""
        text = self.text if self.text is not None else self.digest
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    @property
    def expands_variables(self) -> bool:
        """Whether `${…}` is a policy variable here: only in version 2012-10-17, otherwise it is literal text."""
        return self.version == "2012-10-17"

    def by_sid(self, sid: str) -> tuple[Statement, ...]:
        """Every statement with that Sid: one in what AddPermission makes, possibly more in what PutResourcePolicy did."""
        return tuple(statement for statement in self.statements if statement.sid == sid)

    def without(self, *sids: str) -> Document:
        """The document as it would be after removing those Sids."""
        return parse({**_NEW, **self._top(), "Statement": [s.raw for s in self.statements if s.sid not in sids]})

    def plus(self, statement: Mapping[str, Any]) -> Document:
        """The document as it would be after adding a statement at the end, as AddPermission does."""
        return parse({**_NEW, **self._top(), "Statement": [*(s.raw for s in self.statements), dict(statement)]})

    def _top(self) -> dict[str, Any]:
        return dict(self.raw) if isinstance(self.raw, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two documents: `changed` holds pairs (before, after) that share a unique Sid."""

    added: tuple[Statement, ...] = ()
    removed: tuple[Statement, ...] = ()
    changed: tuple[tuple[Statement, Statement], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def parse(document: str | bytes | Mapping[str, Any] | None, *, partition: str = "") -> Document:
    """Read a policy. Never raises and never drops a statement; `None` means that AWS has no policy.

    `partition`: that of the function, used for principals that do not say theirs; taken from Resource when not given.
    """
    if document is None:
        return Document(exists=False)
    if isinstance(document, bytes):
        try:
            return parse(document.decode("utf-8-sig"), partition=partition)
        except UnicodeDecodeError:
            return _unreadable(document.decode("utf-8", "replace"), "it is not UTF-8 text")
    if not isinstance(document, str):
        return _read(document, None, partition)
    try:
        raw = _DECODER.decode(document.removeprefix("\ufeff"))
    except RecursionError:
        return _unreadable(document, "its JSON is nested too deeply")
    except ValueError:
        return _unreadable(document, "it is not JSON")
    return _read(raw, document, partition)


def render(document: Document) -> str:
    """The document as compact JSON with the same meaning; text that could not be read is given back as it was."""
    if not document.exists:
        return ""
    if document.text is not None and (document.problem or _has_doubled(document.raw)):
        return document.text
    try:
        return json.dumps(document.raw, separators=(",", ":"), ensure_ascii=False, default=str)
    except (RecursionError, ValueError, TypeError):
        return document.text if document.text is not None else repr_key(document.raw)


def size_after(document: Document | str | Mapping[str, Any] | None, statement: Mapping[str, Any]) -> int:
    """Bytes the policy would have with one more statement; compare with LIMIT before writing."""
    before = document if isinstance(document, Document) else parse(document)
    if not before.exists:
        return len(_compact({**_NEW, "Statement": [dict(statement)]}))
    added = len(_compact(dict(statement)))
    return before.size + added + (1 if before.statements else 0)


def compare(before: Document, after: Document) -> Changes:
    """What was added, removed or changed, by meaning; another order of statements is no change.

    Statements are paired by content first, so that a missing or doubled Sid does no harm; of the rest, those whose
    Sid is unique on both sides are `changed`, all others are removed and added.
    """
    # Nearly all of most policies is written the same: only the meaning of the rest has to be made out.
    alike = _unpaired(before.statements, after.statements, _spelled)
    old, new = _unpaired(*alike, lambda one: canonical(one.raw))
    old_sids = Counter(statement.sid for statement in before.statements)
    new_sids = Counter(statement.sid for statement in after.statements)
    successors = {s.sid: s for s in new if s.sid and old_sids[s.sid] == 1 and new_sids[s.sid] == 1}
    changed = tuple((s, successors[s.sid]) for s in old if s.sid in successors)
    paired = {statement.sid for statement, _ in changed}
    return Changes(
        added=tuple(s for s in new if s.sid not in paired or not s.sid),
        removed=tuple(s for s in old if s.sid not in paired or not s.sid),
        changed=changed,
    )


def _unpaired(
    old: Iterable[Statement], new: Iterable[Statement], key: Callable[[Statement], Any]
) -> tuple[list[Statement], list[Statement]]:
    """Those of each that have no equal among the other, by this key; None: it equals nothing."""
    sides = [[(one, key(one)) for one in these] for these in (old, new)]
    pairs = Counter(k for _, k in sides[0]) & Counter(k for _, k in sides[1])
    del pairs[None]

    def rest(side: list[tuple[Statement, Any]]) -> list[Statement]:
        left, found = pairs.copy(), []
        for one, k in side:
            if left[k]:
                left[k] -= 1
            else:
                found.append(one)
        return found

    return rest(sides[0]), rest(sides[1])


def _spelled(statement: Statement) -> str | None:
    """The statement as text; None for an unusual one, whose text may hide what it is."""
    return repr(statement.raw) if statement.usual else None


def _read(raw: Any, text: str | None, partition: str) -> Document:
    if type(raw) is not dict and not isinstance(raw, Mapping):
        return Document(problem="the policy is not a JSON object", text=text, raw=raw)
    problem = None
    found = [raw[place] for place in _every_place("Statement", raw)] if isinstance(raw, Doubled) else [raw.get("Statement")]
    if "Statement" not in raw:
        problem = "the policy has no Statement"
        found = []
    entries: list[Any] = []
    for value in found:
        entries += value if isinstance(value, list | tuple) else [value]
    version = raw.get("Version", "2008-10-17")
    if version not in ("2012-10-17", "2008-10-17"):
        problem = "its Version is neither 2012-10-17 nor 2008-10-17"
    if isinstance(raw, Doubled):
        problem = "the policy names an element twice"
    identity = raw.get("Id")
    return Document(
        statements=tuple([parse_statement(entry, index, partition) for index, entry in enumerate(entries)]),
        version=str(version),
        id=identity if isinstance(identity, str) else None,
        problem=problem,
        text=text,
        raw=raw,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Doubled(_keep_all(pairs))


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object)


def _keep_all(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Every value of a doubled key, so that two texts that differ in one of them never have one digest."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        place = key
        while place in found:
            place += _AGAIN
        found[place] = value
    return found


def _every_place(key: str, raw: Doubled) -> list[str]:
    return [place for place in raw if place.startswith(key) and not place[len(key) :].replace(_AGAIN, "")]


def _has_doubled(raw: Any) -> bool:
    todo = [raw]
    for _ in range(1_000_000):
        if not todo:
            break
        item = todo.pop()
        if isinstance(item, Doubled):
            return True
        if isinstance(item, Mapping):
            todo.extend(item.values())
        elif isinstance(item, list | tuple):
            todo.extend(item)
    return False


def _unreadable(text: str, why: str) -> Document:
    return Document(problem=f"the policy cannot be read: {why}", text=text, raw=text)


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _canonical_json(raw: Any) -> str:
    try:
        return json.dumps(raw, sort_keys=True, separators=(",", ":"))
    except (RecursionError, ValueError, TypeError):
        return repr_key(raw)
