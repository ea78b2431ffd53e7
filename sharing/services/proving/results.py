"""What became of an accepted invitation, for the person who accepted it: in words that tell nothing of the owner's side."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from sharing.models import Check, Grant, GrantState, Invitation, InvitationItem, Verdict

_G = GrantState
#: How a grant's state reads to them, and whether it may still change by itself.
_WORDS: dict[str, tuple[str, str, bool]] = {
    _G.REQUESTED: ("wait", "Waits for a second person on their side", False),
    _G.PENDING: ("busy", "AWS is being told", True),
    _G.GRANTING: ("busy", "AWS is being told", True),
    _G.ACTIVE: ("ok", "Active", False),
    _G.REVOKING: ("busy", "Being taken back", True),
    _G.REVOKED: ("off", "Taken back", False),
    _G.FAILED: ("bad", "Not shared", False),
    _G.EXPIRED: ("off", "Ended on its date", False),
    _G.VANISHED: ("warn", "Not there any more", False),
    _G.SUSPENDED: ("wait", "Suspended", False),
    _G.STUCK: ("bad", "Unclear: AWS has not confirmed it", True),
}
_ICONS = {
    "wait": "hourglass",
    "busy": "loader-2",
    "ok": "circle-check",
    "off": "circle-minus",
    "bad": "circle-x",
    "warn": "alert-triangle",
}


@dataclass(frozen=True)
class Result:
    """One item: what AWS was told (tone, words), and what a check proved, which is another thing.

    verdict: a Verdict, "" not checked (yet); principal: the role that tried. unsettled: it may change by itself soon.
    """

    item: InvitationItem
    tone: str
    words: str
    detail: str = ""
    verdict: str = ""
    principal: str = ""
    unsettled: bool = False
    active: bool = False

    @property
    def icon(self) -> str:
        """The icon beside the words."""
        return _ICONS[self.tone]


def results(invitation: Invitation, items: list[InvitationItem]) -> list[Result]:
    """Where each item of an accepted invitation stands. items: with `policy` and `grant`."""
    if invitation.awaits_confirmation:
        words = "Waits for their confirmation"
        return [Result(item, "wait", words, "They confirm that your account is the one they meant.") for item in items]
    open_checks = Check.objects.open().filter(grant=OuterRef("pk"))
    grants = [item.grant_id for item in items if item.grant_id]
    checking = set(Grant.objects.filter(Exists(open_checks), pk__in=grants).values_list("pk", flat=True))
    return [_result(item, invitation, item.grant_id in checking) for item in items]


def _result(item: InvitationItem, invitation: Invitation, checking: bool) -> Result:
    grant = item.grant
    if grant is None and item.failure:
        number = invitation.account.number if invitation.account else ""
        equal = Grant.objects.filter(policy=item.policy_id, action=item.action, principal=number, state=_G.ACTIVE)
        if number and equal.exists():
            return Result(item, "ok", "Active", "Your account had this already.", active=True)
        return Result(item, "bad", "Not shared", "It can not be shared any more; they see why. Write to them.")
    if grant is None:
        return Result(item, "busy", "Accepted", "It is made in a moment.", unsettled=True)
    tone, words, changes = ("busy", "Being suspended", True) if grant.is_being_suspended else _WORDS[grant.state]
    if grant.state == _G.FAILED:
        return Result(item, tone, words, "AWS or fnshare refused; they see why. Write to them.")
    if grant.state != _G.ACTIVE:
        return Result(item, tone, words, unsettled=changes)
    return Result(
        item,
        tone,
        words,
        _about(grant, checking),
        "" if checking else grant.verdict,
        grant.verdict_principal,
        unsettled=checking,
        active=True,
    )


def _about(grant: Grant, checking: bool) -> str:
    """What the check says, without its own detail: that names statements, which are the owner's."""
    if checking:
        return "AWS was told. A check tries it as your role now; a new permission may take a minute to arrive."
    if grant.verdict == Verdict.DENIED:
        answer = grant.checks.filter(state="done").values_list("answer", flat=True).first()
        if answer == "denied-identity":
            return "Your own account refused: the role's policy lacks lambda:InvokeFunction on this ARN."
        return "AWS was told, but your role was refused when it was tried. Check again later, or write to them."
    if grant.verdict == Verdict.NOT_TRIED:
        return "AWS was told. It cannot be tried with your role."
    if grant.verdict == Verdict.ERROR:
        return "AWS was told. The check got no clear answer."
    return ""
