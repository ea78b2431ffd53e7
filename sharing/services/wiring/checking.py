"""What is wrong with a wish before the planner, or AWS, would see it. The database is asked, AWS never."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

from sharing.models import Function, Policy, Wiring, WiringState
from sharing.policy.arn import is_region
from sharing.policy.wiring import SOURCES, Plan
from sharing.services import granting
from sharing.services.granting import Problem
from sharing.services.granting.wording import until

#: Characters that the row has room for.
_LONGEST = 1024
_EVENT = re.compile(r"s3:[A-Za-z]+(:([A-Za-z]+|\*))?", re.ASCII)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)


def of_words(source: str, account: str, region: str, qualifier: str, options: dict[str, Any]) -> Iterator[Problem]:
    """What no row could keep and no planner read."""
    texts = {
        "source": source,
        "source_account": account,
        "source_region": region,
        "qualifier": qualifier,
        **{key: options[key] for key in ("prefix", "suffix", "filter_policy", "caller_role", "execution_role")},
    }
    for field, text in texts.items():
        if "\x00" in text:
            yield Problem("There is a character in it that no name has.", "Copy it once more.", field=field)
        elif len(text) > (100_000 if field == "filter_policy" else _LONGEST):
            yield Problem("That is too long.", "Copy it from AWS.", field=field)
    if not source:
        yield Problem("The source is missing.", "Give its ARN.", field="source")
    if region and not is_region(region):
        yield Problem("That is no region.", "Write one such as us-east-1.", field="source_region")
    if not options["events"] or not all(_EVENT.fullmatch(one) for one in options["events"]):
        yield Problem("That is no event of a bucket.", "Write one such as s3:ObjectCreated:*.", field="events")
    for field in ("caller_role", "execution_role"):
        if options[field] and not _ROLE.fullmatch(options[field]):
            yield Problem("That is no ARN of a role.", "Copy it from AWS.", field=field)
    if options["filter_policy"] and not _is_object(options["filter_policy"]):
        yield Problem("A filter policy is a JSON object.", 'Write one such as {"kind": ["order"]}.', field="filter_policy")


def of_source(source: str, steps: Plan) -> Iterator[Problem]:
    """What can be planned in general words, and not asked for."""
    if source in SOURCES:
        yield Problem("That is a kind of source, not one of them.", "Give the ARN of the source.", field="source")
    elif steps.kind == "alexa":
        yield Problem(
            "A skill's id is a secret that fnshare does not keep.",
            "Share the function with alexa-appkit.amazon.com and the id; then name the function in the Alexa console.",
            field="source",
        )


def of_function(function: Function, qualifier: str) -> Iterator[Problem]:
    """What is not there, or was never read."""
    if function.vanished_at is not None:
        yield Problem(f"{function.name} is gone from AWS.", "Choose another function.", field="function", code="gone")
    if qualifier and ("\x00" in qualifier or not function.qualifiers.filter(name=qualifier, vanished_at=None).exists()):
        yield Problem("The function has no such alias or version.", "Choose one of the list.", field="qualifier")
    elif not Policy.objects.filter(function=function, qualifier=qualifier).exists():
        yield Problem("Its policy was not looked at yet.", "Sync the function first.", field="qualifier")


def of_end(share: granting.Plan) -> Iterator[Problem]:
    """The share that is there already has an end date: with it the wiring ends."""
    if share.equal is not None and share.equal.ends_at is not None:
        yield Problem(
            f"The function lets the source in already, {until(share.equal.ends_at)}: then nothing arrives any more.",
            "Change that share's end date if it is to last.",
            code="ends",
        )


def equal_wiring(function: Function, qualifier: str, source: str, *, besides: uuid.UUID) -> Wiring | None:
    """A wiring of this source to this function that is not taken back, unless it is this form's own."""
    if "\x00" in source + qualifier:
        return None
    equal = Wiring.objects.filter(function=function, qualifier=qualifier, source_arn=source)
    return equal.exclude(state=WiringState.UNDONE).exclude(pk=besides).first()


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
