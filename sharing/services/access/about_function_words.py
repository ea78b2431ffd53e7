"""How the answer about one function is put into words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sharing.services.gaps import utc
from sharing.services.organizations import Memberships

from . import unlooked
from .answers import Group, Unread, counted, listed
from .lines import Certainty, Line
from .past import Content
from .subjects import Subject


def sentences(
    subject: Subject, groups: Sequence[Group], unread: Sequence[Unread], contents: Sequence[Content], at: datetime | None
) -> tuple[str, ...]:
    """Who can invoke it, in sentences: who is let in, what is only on paper, what a Deny takes, what is not known."""
    could = "could" if at else "can"
    if not contents:
        return (f"Whether anybody {could} invoke {subject.label} is not known: no policy of it was ever read.",)
    there = [one for one in contents if one.certainty is not Certainty.ABSENT]
    if not there:
        notes = listed(one.note for one in contents if not one.policy.qualifier or subject.policy) or "AWS did not list it."
        return (f"Nobody {could} invoke {subject.label}: {'it was not there' if at else 'it is gone'}. {notes}",)
    said = []
    ways = {group.key: list(group.lines) for group in groups}
    everyone = [line for line in ways.get("everyone", ()) if not line.latent]
    by_url = [line for line in everyone if line.by_url]
    parts = [line.who for key in ("own", "organization", "service") for line in ways.get(key, ()) if not line.latent]
    by_all = []
    if len(by_url) < len(everyone):
        by_all.append("by everyone")
    if by_url:
        by_all.append(
            f"by {'the whole internet' if any(x.audience == 'internet' for x in by_url) else 'everyone'} through its URL"
        )
    if everyone and all(line.public == "depends" for line in everyone):
        by_all = [f"perhaps {words}" for words in by_all]
    if parts or by_all:
        names = f"by {listed(parts)}" if parts else ""
        also = " and ".join(by_all)
        said.append(f"{subject.label} {could} be invoked {' and '.join(part for part in (names, also) if part)}.")
    else:
        unknown = any(not one.gap for one in unread)
        found = "Nobody outside its account was found who" if not unknown else "Whether anybody"
        tail = ", by the policies that were read" if not unknown else " is not known: see what is unread"
        said.append(f"{found} {could} invoke {subject.label}{tail}.")
    latent = [line.who for lines in ways.values() for line in lines if line.latent]
    if latent:
        said.append(f"Not usable {'then' if at else 'now'}, but written down: {listed(latent)}.")
    if "rights" in ways:
        said.append(f"{listed(line.who for line in ways['rights'])} may read or manage it, which is told apart below.")
    if "deny" in ways:
        said.append(f"A Deny shuts out {listed(line.who for line in ways['deny'])}.")
    gaps_ = sum(one.gap for one in unread)
    if gaps_:
        said.append(
            f"{counted(gaps_, 'policy', 'policies')} changed between two reads around that moment: both contents are told."
        )
    if len(unread) > gaps_:
        said.append(f"{counted(len(unread) - gaps_, 'policy', 'policies')} unread: who they let in is not known for certain.")
    said += _url_words(subject, at)
    return tuple(said)


def member_words(lines: Sequence[Line], members: Memberships) -> list[str]:
    """How many accounts an organisation that is let in has; or why that is not known."""
    names = dict.fromkeys(line.principal.split("/", 1)[0] for line in lines if line.kind == "organization" and not line.latent)
    said = []
    for name in names:
        if name in members.whole:
            many = counted(sum(home == name for home in members.homes.values()), "account")
            said.append(f"Organisation {name} has {many}, as read at {utc(members.whole[name])}.")
        elif name in members.stale:
            said.append(f"Which accounts belong to organisation {name} is not known. {members.stale[name]}")
    return said


def _url_words(subject: Subject, at: datetime | None) -> list[str]:
    function = subject.function
    if at or function is None or not function.urls:
        return []
    urls = {name: kind for name, kind in function.urls.items() if subject.policy is None or subject.policy.qualifier == name}
    if not urls:
        return []
    said = listed(f"{f'on alias {name}' if name else 'on the function itself'} of type {kind}" for name, kind in urls.items())
    return [f"It has {counted(len(urls), 'function URL')}: {said}."]


def not_looked_at(subject: Subject, contents: Sequence[Content], at: datetime | None) -> tuple[str, ...]:
    """What the answer does not know, each in a sentence."""
    function = subject.function
    assert function is not None  # noqa: S101
    found = [unlooked.owner(function.account.name), unlooked.SOURCES, unlooked.CONSUMERS]
    if at:
        found.append(unlooked.PAST_MAPPINGS)
    elif function.mappings_read_at is None:
        found.append(unlooked.mappings(1))
    if function.details_read_at is None and subject.policy is None:
        found.append(unlooked.VERSIONS)
    if at:
        found.append(unlooked.PAST_URLS)
    elif function.urls is None:
        found.append(unlooked.URLS)
    if function.aliases_failure:
        found.append(f"Its aliases could not be listed: {function.aliases_failure}")
    if not contents:
        found.append("No policy of it was ever read.")
    return tuple(found)
