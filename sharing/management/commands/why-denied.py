"""Why a call was refused: reads the error text from standard input and reasons from the policies as last read."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from sharing.models import Actor
from sharing.policy.access_denied import LONGEST
from sharing.services import access
from sharing.services.errors import Refusal

from ._output import Outcome, ShareCommand

SIDES = {
    "owner": "the owner's side",
    "caller": "the caller's side",
    "call": "how it was called",
    "unknown": "not clear whose side",
}


class Command(ShareCommand):
    """`manage.py why-denied < error.txt`."""

    help = (
        "Read the error text of a refused call from standard input and say why, as far as the policies as last read tell. "
        "The text is kept nowhere. One item: principal, action, resource and stated_reason (AWS's words, a hint), verdict "
        "(yes, no, depends or empty), sentence, depends_on, causes [{code, side, title, text, told, repair, hand_over "
        "[{label, text}]}], not_looked_at, asks (what is missing in the text)."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        """None: an error text has no place among arguments, which a machine shows to everybody."""

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Read rows; AWS is not asked."""
        text = sys.stdin.read(LONGEST + 1)
        if not text.strip():
            raise Refusal("There is no text.", next="Pipe the error text in: why-denied < error.txt", code="usage")
        item = _item(access.why_denied(text, by=actor))
        return Outcome([item], list(_lines(item)))


def _item(found: access.Explained) -> dict[str, Any]:
    told, reasoned = found.told, found.reasoned
    return {
        "principal": told.principal,
        "action": told.action,
        "resource": told.resource,
        "stated_reason": told.reason,
        "verdict": reasoned.verdict if reasoned else "",
        "sentence": reasoned.sentence if reasoned else "",
        "depends_on": list(reasoned.depends_on) if reasoned else [],
        "causes": [_cause(cause) for cause in found.causes],
        "not_looked_at": list(reasoned.unknown) if reasoned else [],
        "asks": found.asks,
    }


def _cause(cause: access.Cause) -> dict[str, Any]:
    return {
        "code": cause.code,
        "side": cause.side,
        "title": cause.title,
        "text": cause.text,
        "told": cause.told,
        "repair": _repair(cause.repair) if cause.repair else None,
        "hand_over": [{"label": one.label, "text": one.text} for one in cause.hand_over],
    }


def _repair(repair: access.Repair) -> dict[str, Any]:
    return {
        "kind": repair.kind,
        "words": repair.words,
        "who": repair.who,
        "qualifier": repair.qualifier,
        "action": repair.action,
        "grant": repair.grant.pk if repair.grant else None,
    }


def _lines(item: dict[str, Any]) -> Iterable[str]:
    for cause in item["causes"]:
        hint = ", by AWS's words, which are a hint" if cause["told"] else ""
        yield f"{cause['title']} ({SIDES[cause['side']]}{hint})"
        yield f"  {cause['text']}"
        for one in cause["hand_over"]:
            yield f"  {one['label']}:"
            yield from (f"    {line}" for line in one["text"].splitlines())
    if item["asks"]:
        yield item["asks"].replace("Ask above", "Ask on the page Access, Reason")
    if item["sentence"]:
        yield ""
        yield item["sentence"]
    yield from (f"Not looked at: {line}." for line in item["not_looked_at"])
