"""A permission as one sentence in people's words, in parts, so that a page can set the names in bold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from . import actions, services
from .permission import Permission
from .principal import Principal, PrincipalKind


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text; `strong` for a name. Nothing is escaped: that is the page's work."""

    text: str
    strong: bool = False

    def __str__(self) -> str:
        return self.text


Names = Mapping[str, str]


def sentence(permission: Permission, names: Names | None = None, until_text: str | None = None) -> list[Part]:
    """Who may do what to which form of which function, within which limits, until when, and what that gives away.

    `names`: account id → human name. `until_text`: the end date as text, "" for no end, None to say nothing about it.
    Example: "Every role of Globex that its own administrators allow may invoke label-uploads through alias live in
    us-east-1, until 20 Feb 2027."
    """
    names = names or {}
    parts = [*_subject(permission, names), Part(" may "), *_deed(permission), *_form(permission)]
    parts.append(Part(f" in {permission.function.region}{', only by its function URL' if permission.via_url else ''}"))
    if until_text:
        parts.extend((Part(", until "), Part(until_text, strong=True)))
    elif until_text is not None:
        parts.append(Part(", with no end date"))
    parts.append(Part("."))
    parts.extend(_danger(permission))
    return parts


def plain(parts: list[Part]) -> str:
    """The sentence as text."""
    return "".join(part.text for part in parts)


def _strong(text: str) -> Part:
    return Part(text, strong=True)


def _name(account: str | None, names: Names) -> Part:
    return _strong(names.get(account or "") or f"account {account}")


def _subject(permission: Permission, names: Names) -> Iterator[Part]:
    principal = permission.principal
    match principal.kind:
        case PrincipalKind.ACCOUNT:
            yield from (Part("Every role of "), _name(principal.account, names))
            yield from _membership(permission)
            yield Part(" that its own administrators allow")
        case PrincipalKind.ORGANIZATION:
            yield from (Part("Every role of every account in organisation "), _strong(principal.value))
            yield Part(", now and later, that its own administrators allow")
        case PrincipalKind.EVERYONE:
            yield from _everyone(permission)
        case PrincipalKind.SERVICE:
            yield from _service(permission, names)
        case _:
            yield from _identity(principal, names)
            yield from _membership(permission)


def _identity(principal: Principal, names: Names) -> Iterator[Part]:
    if principal.account is None:
        yield _strong(principal.label())
        return
    what = {PrincipalKind.ROLE: "Role ", PrincipalKind.USER: "User "}.get(principal.kind, "The session ")
    yield from (Part(what), _strong(principal.name), Part(" of "), _name(principal.account, names))


def _membership(permission: Permission) -> Iterator[Part]:
    if permission.organization:
        yield from (Part(", while it belongs to organisation "), _strong(permission.organization), Part(","))


def _everyone(permission: Permission) -> Iterator[Part]:
    by_url = permission.via_url or permission.action == actions.INVOKE_URL
    if by_url and permission.url_auth_type != "AWS_IAM":
        yield from (_strong("Everyone on the internet"), Part(", with or without an AWS account,"))
    else:
        yield from (_strong("Everyone"), Part(" with an AWS account, whoever they are,"))


def _service(permission: Permission, names: Names) -> Iterator[Part]:
    yield _strong(services.label(permission.principal.value))
    if permission.source_arn:
        yield from (Part(", on behalf of "), _strong(permission.source_arn))
        if permission.source_account:
            yield from (Part(" in "), _name(permission.source_account, names))
        yield Part(",")
    elif permission.source_account:
        yield from (Part(", on behalf of "), _name(permission.source_account, names), Part(","))
    elif permission.event_source_token:
        yield Part(", with the agreed event source token,")
    else:
        yield Part(", on behalf of any AWS account,")


def _deed(permission: Permission) -> Iterator[Part]:
    known = actions.find(permission.action)
    yield Part(f"{known.verb if known else f'do {permission.action} on'} ")
    yield _strong(permission.function.name)


def _form(permission: Permission) -> Iterator[Part]:
    qualifier = permission.function.qualifier
    if qualifier is not None:
        yield Part(" in version " if permission.function.is_version else " through alias ")
        yield _strong(qualifier)


def _danger(permission: Permission) -> Iterator[Part]:
    """What the action gives away, said plainly."""
    known = actions.ACTIONS.get(permission.action)
    if known and known.warning:
        yield Part(f" Be aware: {known.warning}.")
    elif permission.action_class is actions.ActionClass.MANAGE:
        yield Part(" Be aware: this lets them change the function.")
