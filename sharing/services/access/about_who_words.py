"""How the answer about somebody is put into words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sharing.services.organizations import Belonging

from . import unlooked
from .answers import Group, counted, listed
from .lines import HEAD
from .subjects import Subject
from .ways import Way

_NAMED = 5
#: The order in which a sentence tells the ways; the groups below it start with the widest.
_SAID = ("own", "account", "service", "everyone", "open", "organization", "organization-part", "pattern")


def sentences(
    subject: Subject,
    every: Sequence[Way],
    groups: Sequence[Group],
    belonging: Belonging,
    own: int,
    unread: int,
    changed: int,
    at: datetime | None,
) -> tuple[str, ...]:
    """What they can invoke, in sentences: by what, on what conditions, and what is not known."""
    could = "could" if at else "can"
    ways = {way.key: way for way in every}
    by_key = {group.key: group for group in groups}
    described = subject.kind == "everyone" or subject.label == f"account {subject.account}"  # words of ours, not a name
    label = f"{subject.label[:1].upper()}{subject.label[1:]}" if described else subject.label
    told = [group for group in groups if group.key in ways and ways[group.key].sentence]
    told.sort(key=lambda group: (group.perhaps, _SAID.index(group.key)))
    said = []
    if told:
        said.append(f"{label} {could} invoke {'; '.join(_words(group, ways[group.key], at) for group in told)}.")
    else:
        said.append(f"No policy that was read lets {subject.label} invoke a function.")
    rights = [group for group in groups if group.key in ("rights", "own-rights")]
    if rights:
        usable = sum(group.functions for group in rights)
        many = counted(usable, "function") if usable else "that are not usable now"
        said.append(f"Rights to read or manage {many} are told apart below.")
    if outside := by_key.get("outsider"):
        many = counted(outside.functions, "function")
        said.append(f"Statements of {many} name it on the condition of a membership that it does not have.")
    if belonging.words:
        aside = " What is shared with an organisation it is not in is not counted." if belonging.outside else ""
        said.append(f"{belonging.words}{aside}")
    if denied := by_key.get("deny"):
        said.append(f"A Deny shuts it out of {counted(denied.functions, 'function')}, although a statement there names it.")
    if own:
        said.append(f"{counted(own, 'function')} of its own: identity policies there decide who may, and they are not read.")
    if unread:
        said.append(f"{counted(unread, 'policy', 'policies')} unread: what they let in is not known for certain.")
    if changed:
        said.append(
            f"{counted(changed, 'policy', 'policies')} changed between two reads around that moment: both contents count."
        )
    return tuple(said)


def _words(group: Group, way: Way, at: datetime | None) -> str:
    words = way.sentence.format(functions=counted(group.functions, "function"))
    if group.functions <= _NAMED and group.lines.begun:
        # Those that are counted: what is only on paper now is told after them.
        named = listed(line.function_name for line in group.lines[:HEAD] if at or not line.latent)
        words += f" ({named})" if named else ""
    if group.by_url:
        words += f", {group.by_url:,} of them through a function URL"
    if group.paper:
        words += f" (and {counted(group.paper, 'way')} more on paper: not usable now)"
    return words


def not_looked_at(unlooked_at: int, unmapped: int, at: datetime | None) -> tuple[str, ...]:
    """What the answer does not know, each in a sentence."""
    found = [unlooked.owner("the owner accounts"), unlooked.SOURCES, unlooked.CONSUMERS]
    if at:
        found.append(unlooked.PAST_MAPPINGS)
    elif unmapped:
        found.append(unlooked.mappings(unmapped))
    if unlooked_at:
        found.append(unlooked.details(unlooked_at))
    found.append(unlooked.PAST_URLS if at else unlooked.UNREAD_URLS)
    return tuple(found)
