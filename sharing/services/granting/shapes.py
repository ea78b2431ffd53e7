"""What planning and consequences answer with: plain frozen shapes, ready for a page, a command or a program."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sharing.models import Grant, Policy, PolicyVersion

if TYPE_CHECKING:
    from sharing.policy import Part, Permission


@dataclass(frozen=True)
class Problem:
    """Something said before writing: `field` is the form field at fault ("" for the whole), `next` what to do.

    `code` is stable, for programs. In `Plan.problems` it blocks; in `Plan.warnings` it only informs.
    """

    message: str
    next: str = ""
    field: str = ""
    code: str = "invalid"


@dataclass(frozen=True)
class Covering:
    """A statement on the same policy that already lets (part of) the same principal in.

    `certainty`: "yes", or "depends" with `depends_on` (conditions nobody can judge beforehand). `grant`: ours, if it is.
    `index`: the statement's place in the current version. `sentence` is complete, e.g. "Already granted by statement ...".
    """

    sentence: str
    certainty: str
    sid: str = ""
    index: int | None = None
    grant: Grant | None = None
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A share, thought through and not written: everything the preview shows.

    `grant_id` is the id the grant will have, so that `statement` (event source token masked) is what AWS will store, Sid
    included; pass the same `form_token` to `plan` again and the id is the same. `parts`: the sentence with its names
    marked. `problems` block (`ok` is false then); `warnings` and `already` inform. `equal` is a live grant with everything
    alike but perhaps the end date: `same_end` true means that granting shows that one and writes nothing, false means:
    extend it, or `anyway=True` for a second lease which ends alone. `second_person`: why another person must approve, ""
    if not. Sizes are bytes of the compact policy document, of `limit` 20,480.
    """

    grant_id: uuid.UUID
    policy: Policy
    permission: Permission | None = field(repr=False)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    sentence: str = ""
    parts: tuple[Part, ...] = ()
    statement: dict[str, Any] = field(default_factory=dict)
    sid: str = ""
    ends_at: datetime | None = None
    who_label: str = ""
    action_class: str = ""
    size_before: int = 0
    size_after: int = 0
    limit: int = 20_480
    already: tuple[Covering, ...] = ()
    equal: Grant | None = None
    same_end: bool = False
    second_person: str = ""
    cli: str = ""
    event_source_token: str = field(default="", repr=False)
    token_fingerprint: str = ""
    equality: str = ""
    form_token: str | None = None
    undo_of: Grant | None = None

    @property
    def ok(self) -> bool:
        """Nothing blocks: `grant` would write it (or show the equal grant)."""
        return not self.problems and self.permission is not None

    @property
    def percent(self) -> int:
        """How full the policy will be, of 100."""
        return min(100, round(self.size_after * 100 / self.limit)) if self.limit else 0


@dataclass(frozen=True)
class Consequences:
    """What a revoke would do, said before the click.

    `remaining`: other statements that still let the same principal in afterwards; `still_allowed` is "yes", "depends" or
    "no" (judged on the policy as last read, `stale` says why that may be old). `refusal`: set when the revoke cannot be done
    here at all (Deny, no Sid...), with what to do. `writable`: AddPermission can write the same statement again, so that
    undo works; else `why_not`. `changed`: the stored statement differs from what was granted here: `stored`, `ours`.
    `wakes`: the wirings that are built on it, and what it lets wake the function and nothing else would, a sentence each
    (services.waking).
    """

    policy: Policy
    sentence: str
    sid: str
    stored: dict[str, Any] | None
    ours: dict[str, Any] | None
    grant: Grant | None = None
    version: PolicyVersion | None = None
    index: int | None = None
    refusal: Problem | None = None
    remaining: tuple[Covering, ...] = ()
    still_allowed: str = "no"
    depends_on: tuple[str, ...] = ()
    writable: bool = True
    why_not: str = ""
    token_needed: bool = False
    role_may_be_another: bool = False
    changed: bool = False
    stale: str = ""
    warnings: tuple[Problem, ...] = ()
    wakes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Restorable:
    """One of several grants that vanished together: whether it can be written again, in words, and what it needs."""

    grant: Grant
    sentence: str
    possible: bool
    problem: Problem | None = None
    token_needed: bool = False
    role_may_be_another: bool = False


@dataclass(frozen=True)
class Restored:
    """What became of one item of a restore: the new grant, or why not."""

    original: Grant
    grant: Grant | None
    failure: str = ""
    next: str = ""
