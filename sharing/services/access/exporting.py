"""Answers for others to keep: CSV for people, JSON for programs, the facts of a printable report. Coverage comes first.

CSV is UTF-8 with a byte order mark, so that spreadsheets read names right. Cells that a spreadsheet would take for a
formula begin with an apostrophe, account ids are written in fours (`1111 2222 3333`) so that none of their digits is lost.
JSON holds both as they are.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from sharing.services.gaps import utc

from .answers import Answer, Group
from .lines import Line

BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
COLUMNS = (
    "Function", "Alias or version", "Function ARN", "Account", "Account id", "Region", "How", "Effect", "Who", "Principal",
    "Principal's account", "May", "Actions", "Statements", "Public", "Open service", "External", "Depends on", "Conditions",
    "Trust", "Not usable because", "Certainty", "Why not certain",
)  # fmt: skip


def cell(value: object) -> str:
    """Text that no spreadsheet runs: a formula's first character gets an apostrophe before it; an account id is spaced."""
    text = "" if value is None else str(value)
    if len(text) == 12 and text.isascii() and text.isdigit():
        return f"{text[:4]} {text[4:8]} {text[8:]}"
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


class _Echo:
    """What csv.writer writes to: it hands each row back."""

    def write(self, text: str) -> str:
        return text


def csv_text(head: Iterable[str], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The file piece by piece: the lines of `head` one a row, an empty row, the columns, the rows."""
    writer = csv.writer(_Echo())
    yield BOM
    for line in head:
        yield writer.writerow([cell(line)])
    yield writer.writerow([])
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def head(answer: Answer) -> list[str]:
    """What every export says before anything else: coverage first."""
    found = [
        *answer.coverage,
        f"Question: {answer.question}",
        f"As of: {utc(answer.at) if answer.at else 'the policies as last read'}",
        f"Asked by {answer.asked_by} at {utc(answer.asked_at)}",
        f"{answer.trust.words}.",
        *([f"Only this way in was asked about: {answer.only}"] if answer.only else []),
        *(f"Answer: {sentence}" for sentence in answer.sentences),
        *(
            f"How sure: {_place(content)}: {content.certainty.value}. {content.note or content.reads}"
            for content in answer.contents
        ),
        *(f"Polls, by no statement: {one.arn}: {one.words} ({one.mapping.source_arn})" for one in answer.polled),
        *(f"Not looked at: {line}" for line in answer.not_looked_at),
    ]
    more = answer.counts["unread"] + answer.counts["changed"] - len(answer.unread)
    found += [f"Unread: {_place(one.content)}: {one.reason}" for one in answer.unread]
    return [*found, *([f"Unread: {more:,} more policies"] if more > 0 else [])]


def _place(content: Any) -> str:
    return str(content.policy.arn)


def answer_csv(answer: Answer) -> Iterator[str]:
    """An answer with every way in, however many, read as it is written."""
    return csv_text(head(answer), COLUMNS, (_row(group, line) for group, line in answer.every_line()))


def _row(group: Group, line: Line) -> tuple[object, ...]:
    function = line.policy.function
    return (
        function.name, line.policy.qualifier, line.policy.arn, function.account.name, function.account.number,
        function.region, group.title, line.effect, line.who, line.principal, line.account, line.may, ", ".join(line.actions),
        ", ".join(one.name for one in line.statements), line.public, line.open_service, line.external,
        "; ".join(line.depends_on), " and ".join(line.conditions), line.zone, line.latent, line.certainty.value, line.stale,
    )  # fmt: skip


def answer_json(answer: Answer) -> Iterator[str]:
    """One object; `ways` comes last and is written as it is read."""
    facts = {
        "coverage": list(answer.coverage),
        "question": answer.question,
        "asked_about": {"kind": answer.subject.kind, "label": answer.subject.label, "text": answer.subject.text},
        "as_of": answer.at.isoformat() if answer.at else None,
        "asked_by": answer.asked_by,
        "asked_at": answer.asked_at.isoformat(),
        "trust": answer.trust.words,
        "only": answer.only,
        "answer": list(answer.sentences),
        "counts": dict(answer.counts),
        "contents": [
            {"function_arn": one.policy.arn, "certainty": one.certainty.value, "note": one.note or one.reads}
            for one in answer.contents
        ],
        "unread": [{"function_arn": one.content.policy.arn, "reason": one.reason, "gap": one.gap} for one in answer.unread],
        "polled": [
            {
                "function_arn": one.arn,
                "source_arn": one.mapping.source_arn,
                "source_account": one.mapping.source_account,
                "state": one.mapping.state,
            }
            for one in answer.polled
        ],
        "not_looked_at": list(answer.not_looked_at),
    }
    return json_text(facts, "ways", (_item(group, line) for group, line in answer.every_line()))


def json_text(facts: dict[str, Any], name: str, items: Iterable[dict[str, Any]]) -> Iterator[str]:
    """An object whose last member is a list, written piece by piece."""
    yield f"{json.dumps(facts, ensure_ascii=False, default=_plain)[:-1]}, {json.dumps(name)}: ["
    for place, item in enumerate(items):
        yield f"{',' if place else ''}\n{json.dumps(item, ensure_ascii=False, default=_plain)}"
    yield "\n]}\n"


def _plain(thing: object) -> str:
    return thing.isoformat() if isinstance(thing, datetime) else str(thing)


def _item(group: Group, line: Line) -> dict[str, Any]:
    return {
        "how": group.key,
        "effect": line.effect,
        "function_arn": line.policy.arn,
        "function": line.policy.function.name,
        "qualifier": line.policy.qualifier,
        "kind": line.kind,
        "principal": line.principal,
        "name": line.who,
        "account": line.account,
        "action_class": line.action_class,
        "actions": list(line.actions),
        "statements": [{"index": one.index, "name": one.name} for one in line.statements],
        "public": line.public,
        "open_service": line.open_service,
        "external": line.external,
        "audience": line.audience,
        "zone": line.zone,
        "depends_on": list(line.depends_on),
        "conditions": list(line.conditions),
        "latent": line.latent,
        "certainty": line.certainty.value,
        "stale": line.stale,
    }


def file_name(about: str, ending: str) -> str:
    """`fnshare-label-uploads-2026-11-25.csv`: letters, digits, dots and dashes only."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in ".-_") else "-" for char in about)[:60].strip("-.")
    return f"fnshare-{plain or 'answer'}-{timezone.now():%Y-%m-%d}.{ending}"
