"""What can be done about one line of "who has access": its button, its menu, and where they lead."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sharing.models import Actor, Function, Grant, GrantState
from sharing.policy.actions import INVOKE
from sharing.policy.following import is_sid, statement_key
from sharing.policy.statement import parse_statement
from sharing.services.access import AccessRow
from sharing.templatetags.ui import icon

OVER = (GrantState.REVOKED, GrantState.EXPIRED, GrantState.VANISHED)


@dataclass(frozen=True)
class Act:
    """Something to do about a row: a link, or a button that posts. `panel`: it opens beside the list."""

    words: str
    url: str
    icon: str = ""
    post: bool = False
    panel: bool = True
    classes: str = ""
    token: str = ""

    @property
    def link(self) -> SafeString:
        """The line of a menu: half of what a long list's template would else have to look up."""
        beside = format_html(' hx-get="{}" hx-target="#panel"', self.url) if self.panel else ""
        return format_html('<a href="{}"{}>{}{}</a>', self.url, beside, icon(self.icon), self.words)


class Addresses:
    """Where the rows of one function lead: what is the same for many of them is made once."""

    def __init__(self, function: Function) -> None:
        self.policy = reverse("function-policy", args=[function.pk])
        self.checks = reverse("function-checks", args=[function.pk])
        self._before: dict[object, str] = {}

    def history(self, policy: uuid.UUID, key: str) -> str:
        """Of a statement by its key, which needs no quoting (sharing.policy.following)."""
        if policy not in self._before:
            self._before[policy] = reverse("statement-history", args=[policy, "-"]).removesuffix("-/")
        return f"{self._before[policy]}{key}/"

    def revoke(self, policy: uuid.UUID, version: int, index: int) -> str:
        """The page that asks before a statement made elsewhere is taken away."""
        if (policy, version) not in self._before:
            self._before[policy, version] = reverse("statement-revoke", args=[policy, version, 0]).removesuffix("0/revoke/")
        return f"{self._before[policy, version]}{index}/revoke/"


def acts_of(row: AccessRow, function: Function, me: Actor, addresses: Addresses) -> Sequence[Act]:
    """What can be done, the most likely first. Only that one has `classes`: it is a button, the others a menu."""
    if row.kind == "statement":
        return _statement_acts(row, me, addresses)
    if row.kind == "grant" and row.grant is not None:
        return _grant_acts(row, row.grant, function, me, addresses)
    return ()


def _statement_acts(row: AccessRow, me: Actor, addresses: Addresses) -> list[Act]:
    acts = []
    where = f"{addresses.policy}#statement-{row.policy.pk}-{row.index}"
    if me.may_change() and row.version is not None and row.index is not None:
        revoke = addresses.revoke(row.policy.pk, row.version.pk, row.index)
        if not row.revoke_refusal:
            acts.append(Act("Revoke", revoke, classes="btn-outline-bad"))
        if _checkable(row):
            asked = urlencode({"on": row.qualifier, "as": row.who[0].account if row.who else ""})
            acts.append(Act("Check…", f"{addresses.checks}?{asked}", "shield-check", panel=False))
        if row.revoke_refusal:
            acts.append(Act("Why it cannot be revoked here", revoke, "help-circle"))
    acts.append(Act("Show the statement", where, "code", panel=False))
    acts.append(_history(row, addresses))
    return acts


def _history(row: AccessRow, addresses: Addresses) -> Act:
    key = row.sid if is_sid(row.sid) else statement_key(parse_statement(row.stored or row.statement))
    return Act("History of this statement", addresses.history(row.policy.pk, key), "history", panel=False)


def _checkable(row: AccessRow) -> bool:
    return row.effect == "Allow" and row.action_class == "invoke"


def _grant_acts(row: AccessRow, grant: Grant, function: Function, me: Actor, addresses: Addresses) -> list[Act]:
    detail = Act("About this grant", reverse("grant-detail", args=[grant.pk]), "list", panel=False)
    if not me.may_change():
        return [_history(row, addresses), detail]
    own = me.person is not None and grant.requested_by_id == me.person.pk
    key = [grant.pk]
    revoke = Act("Revoke", reverse("grant-revoke", args=key), classes="btn-outline-bad")
    acts: list[Act] = []
    if grant.state == GrantState.REQUESTED:
        if own:
            acts.append(Act("Withdraw", reverse("grant-revoke", args=key), classes="btn-outline-bad"))
        else:
            acts.append(Act("Approve or decline", reverse("grant-approve", args=key), classes="btn-primary"))
    elif grant.state == GrantState.ACTIVE and grant.wanted == "present":
        acts.append(revoke)
        if grant.extension and not own:
            acts.append(Act("Approve the new end", reverse("grant-approve", args=key), "user-question"))
        if grant.action == INVOKE:
            acts.append(Act("Check now", reverse("grant-check", args=key), "shield-check", post=True))
        acts.append(Act("Change the end date", reverse("grant-extend", args=key), "calendar-event"))
        acts.append(Act("Suspend", reverse("grant-suspend", args=key), "clock-pause"))
    elif grant.state == GrantState.SUSPENDED:
        acts.append(Act("Resume", reverse("grant-resume", args=key), classes="btn-undo"))
        acts.append(Act("Revoke for good", reverse("grant-revoke", args=key), "trash"))
    elif grant.state in OVER and grant.suspended_at is not None:
        acts.append(Act("Undo", reverse("grant-undo", args=key), classes="btn-undo"))  # asks: it gives more than they had
    elif grant.state in OVER:
        token = uuid.uuid4().hex  # one per page shown: the same button pressed twice is one undo
        acts.append(Act("Undo", reverse("grant-undo", args=key), post=True, classes="btn-undo", token=token))
    elif grant.state == GrantState.FAILED:
        again = f"{reverse('function-share', args=[function.pk])}?like={grant.pk}"
        acts.append(Act("Share again", again, classes="btn-undo"))
    elif grant.wanted == "present":
        acts.append(revoke)
    acts += [_history(row, addresses), detail]
    return acts
