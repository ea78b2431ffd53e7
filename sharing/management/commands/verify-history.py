"""Whether history is as it was sealed."""

import contextlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from sharing.models import Actor
from sharing.services import sealing
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.sealing import keys
from sharing.services.sealing.exporting import BadExport, FromExport

from ._output import Outcome, Problem, ShareCommand, when


class Command(ShareCommand):
    """`manage.py verify-history [--export FILE] [--public-key KEY]... [--shipped FILE]...`."""

    help = (
        "Compute every seal of the history again. Exit 1 when a line was changed, removed, reordered or slipped in since it "
        "was sealed, when a signature does not fit, or when a seal that is kept outside is not here. With --export no "
        "database is asked. One item: seals, events, unsealed (too young to be sealed), signed, last {number, digest, at, "
        "line}, problems, notes."
    )
    acts = False

    def arguments(self, parser: ArgumentParser) -> None:
        """Where the history is, and what it has to fit."""
        parser.add_argument(
            "--export", metavar="FILE", default="", help="a file that export-history wrote, instead of the database"
        )
        parser.add_argument(
            "--public-key",
            metavar="KEY",
            action="append",
            default=[],
            help="a key that signatures must fit (history-key prints it)",
        )
        parser.add_argument(
            "--shipped", metavar="FILE", action="append", default=[], help="seals kept outside: a file, a syslog or a mail"
        )

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Read, change nothing."""
        if not actor.sees_every_account:
            raise NotPermitted("Only somebody who sees every account can verify the whole history.")
        try:
            public = [keys.public(text) for text in options.get("public_key") or []]
        except keys.NoKey as problem:
            raise Refusal(str(problem), code="usage") from None
        heads = [head for name in options.get("shipped") or [] for head in _heads(name)]
        with contextlib.ExitStack() as stack:
            source = _source(options.get("export") or "", stack)
            found = sealing.verify(source, public=public, heads=heads)
        return _outcome(found, tried=len(heads))


def _heads(name: str) -> list[sealing.Head]:
    try:
        found = sealing.heads_in(Path(name).read_text(errors="replace"))
    except OSError as problem:
        raise Refusal(f"{name} cannot be read: {problem.strerror}.", code="usage") from None
    if not found:
        raise Refusal(f"No seal is in {name}.", next="Name a file to which fnshare sent seals.", code="usage")
    return found


def _source(name: str, stack: contextlib.ExitStack) -> sealing.FromDatabase | FromExport:
    if not name:
        return sealing.FromDatabase()
    try:
        source = FromExport(Path(name))
    except OSError as problem:
        raise Refusal(f"{name} cannot be read: {problem.strerror}.", code="usage") from None
    except BadExport as problem:
        raise Refusal(f"{name}: {problem}", next="Compare it with where it came from.", code="tampered") from None
    stack.callback(source.close)
    return source


def _outcome(found: sealing.Verified, *, tried: int) -> Outcome:
    last = found.last
    item = {
        "seals": found.seals,
        "events": found.events,
        "unsealed": found.unsealed,
        "signed": found.signed,
        "last": {"number": last.number, "digest": last.digest, "at": last.at, "line": last.last} if last else None,
        "problems": list(found.problems),
        "notes": list(found.notes),
    }
    lines = [*found.problems, *found.notes]
    if last is not None:
        lines.append(f"Seals: {found.seals}, the last of {when(last.at)} up to line {last.last}: {last.digest}")
    lines.append(f"Lines sealed: {found.events}, too young to be sealed: {found.unsealed}.")
    lines.append(f"Signatures that fit: {found.signed}. Seals compared with what is kept outside: {tried}.")
    if found.problems:
        said = f"History is not as it was sealed: {len(found.problems)} problem{'s' * (len(found.problems) != 1)}."
        return Outcome([item], lines, Problem("tampered", said, "Compare with a backup and with printed evidence reports."))
    lines.append("History is as it was sealed." if last else "Nothing is sealed yet.")
    return Outcome([item], lines)
