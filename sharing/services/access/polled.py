"""What an answer says of event source mappings: which there are, and the sentence about them."""

from __future__ import annotations

from datetime import datetime

from sharing.models import Actor, Mapping

from .answers import counted, listed
from .polling import Polled, polled, sources
from .subjects import Subject

Told = tuple[tuple[Polled, ...], tuple[str, ...]]


def polled_by_function(subject: Subject, *, at: datetime | None) -> Told:
    """What a function polls, or the alias or version that is asked about. Known only as it is now."""
    if at is not None:
        return (), ()
    mappings = Mapping.objects.filter(function=subject.function)
    if subject.policy:
        mappings = mappings.filter(qualifier=subject.policy.qualifier)
    found, many = polled(mappings)
    if not many:
        return (), ()
    said = f"What arrives in {counted(many, 'source')} makes it run without any statement: {listed(sources(found))}."
    return found, (said,)


def polled_in_account(subject: Subject, *, by: Actor, at: datetime | None) -> Told:
    """Sources in the account of an account or role that functions poll: somebody there may make them run."""
    if at is not None or subject.kind not in ("account", "identity") or not subject.account:
        return (), ()
    found, many = polled(Mapping.objects.visible_to(by).filter(source_account=subject.account))
    if not many:
        return (), ()
    whose = "a source of its account" if subject.kind == "identity" else "a source of its own"
    names = listed(one.mapping.function.name for one in found)
    return found, (f"What arrives in {whose} runs functions by {counted(many, 'event source mapping')}: {names}.",)
