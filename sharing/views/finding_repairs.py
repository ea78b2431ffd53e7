"""What can be done about a finding from here, with the machinery that exists: revoke, share, re-read; or why not here."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from sharing.models import Actor, Finding, Grant, Organization, Policy
from sharing.policy import Statement, parse
from sharing.policy.actions import INVOKE, INVOKE_URL
from sharing.policy.arn import is_account_id
from sharing.policy.findings import digest_of
from sharing.services.granting.statements import why_not_removable

REMOVABLE = (
    "public", "public-depends", "public-url", "open-service", "ghost", "manage-outsider", "read-outsider", "unknown-account",
    "url-half", "url-idle", "authorises-nothing", "shadowed", "deny-kills", "no-sid", "malformed",
)  # fmt: skip
_PLACES = {
    "region-gap": ("coverage", "Coverage", "map-pin"),
    "connection": ("account-detail", "The account and its roles", "plug-connected"),
}


@dataclass(frozen=True)
class Repair:
    """Something to do: words, where it is done, and what follows. `main`: the first thing to do."""

    words: str
    url: str
    icon: str
    then: str = ""
    main: bool = False
    danger: bool = False


@dataclass(frozen=True)
class Repairs:
    """What can be done; `why_not`: why nothing (or not all) can be done from here."""

    offered: tuple[Repair, ...] = ()
    why_not: str = ""


def place_in(policy: Policy | None, finding: Finding) -> Statement | None:
    """The deciding statement in the policy as it is kept now; None once it is not there any more."""
    if policy is None or policy.current is None or not finding.statement_digest:
        return None
    document = parse(policy.current.document or None)
    return next((one for one in document.statements if digest_of(one) == finding.statement_digest), None)


def repairs_of(finding: Finding, me: Actor) -> Repairs:
    """Two queries at most."""
    if finding.state == "closed":
        return Repairs(why_not="It is closed: there is nothing left to repair.")
    policy = finding.policy
    statement = place_in(policy, finding)
    offered: list[Repair] = []
    why_not = ""
    if finding.rule in REMOVABLE and policy is not None:
        if statement is None:
            why_not = "The policy has changed since: re-read the function to see what is there now."
        else:
            before = _before(finding, statement, policy)
            offered += before
            refusal = why_not_removable(statement, parse(policy.current.document or None).statements if policy.current else ())
            if refusal:
                why_not = f"{refusal.message} {refusal.next}"
            elif finding.rule not in ("no-sid", "malformed"):
                offered.append(_remove(policy, statement, main=not before))
            else:
                why_not = "fnshare never rewrites a document that it does not own: correct it in the tool that wrote it."
    offered += _others(finding)
    if not me.may_change():
        return Repairs(why_not=why_not or "Owners and admins of fnshare can repair it; your role looks and changes nothing.")
    return Repairs(tuple(offered), why_not)


def share_url(policy: Policy, **filled: str) -> str:
    """The share form of the function, filled in."""
    asked = {"on": policy.qualifier, **filled}
    address = reverse("function-share", args=[policy.function_id])
    return f"{address}?{urlencode({name: value for name, value in asked.items() if value})}"


def revoke_url(policy: Policy, statement: Statement) -> str:
    """The page that takes this statement back."""
    return reverse("statement-revoke", args=[policy.pk, policy.current_id, statement.index])


def _remove(policy: Policy, statement: Statement, *, main: bool) -> Repair:
    return Repair(
        "Take the statement back",
        revoke_url(policy, statement),
        "trash",
        "Shows first what follows from it and what still lets them in.",
        main=main,
        danger=True,
    )


def _before(finding: Finding, statement: Statement, policy: Policy) -> list[Repair]:
    """What is better done before the statement goes."""
    action = statement.actions[0] if len(statement.actions) == 1 else INVOKE
    who = finding.detail.get("who") or [["", "", ""]]
    match finding.rule:
        case "open-service":
            then = "Adds the same statement limited to a source, then takes the wide one back."
            return [Repair("Narrow it step by step", reverse("finding-repair", args=[finding.pk]), "list", then, main=True)]
        case "ghost":
            former = _former(policy, statement)
            then = "If the role or user was made again. The form is filled in as far as is known."
            return [Repair("Share anew", share_url(policy, who=former, action=action), "share", then)]
        case "public" | "public-depends" | "manage-outsider" | "unknown-account":
            if finding.rule.startswith("public"):
                then = "With the accounts or the organisation that need it, before everybody loses it."
                return [Repair("Share with those who need it", share_url(policy, action=action), "share", then, main=True)]
            if finding.rule == "unknown-account" and is_account_id(str(who[0][2])):
                then = "If you know whose it is: what it reaches, who acts for it, and a name for it."
                return [Repair("Look at the account", reverse("consumer-detail", args=[str(who[0][2])]), "users", then)]
        case "read-outsider":
            then = "Lets them call it without reading code or settings."
            return [Repair("Share invoke alone", share_url(policy, who=str(who[0][1]), action=INVOKE), "share", then)]
        case "url-half":
            missing, auth = str(finding.detail.get("missing", "")), str(finding.detail.get("auth", ""))
            filled = {"url_auth_type": auth} if missing == INVOKE_URL else {"via_url": "on"}
            name = "everyone" if who[0][0] == "everyone" else str(who[0][1])
            then = "Writes the other statement of the pair, for the same principal."
            return [
                Repair(
                    "Share the missing half", share_url(policy, who=name, action=missing, **filled), "share", then, main=True
                )
            ]
    return []


def _former(policy: Policy, statement: Statement) -> str:
    """Whom the share was for before the role was deleted, where it was decided here."""
    grants = Grant.objects.filter(policy=policy, sid=statement.sid or "", principal_kind__in=("role", "user"))
    return grants.order_by("-created_at").values_list("principal", flat=True).first() or ""


def _others(finding: Finding) -> list[Repair]:
    """What does not start from a statement."""
    function, grant = finding.function, finding.grant
    if finding.rule == "proof-failed" and finding.account is not None:
        then = "What the test found, whom to ask to mend the role, and the button that proves it again."
        page = reverse("consumer-detail", args=[finding.account.number])
        return [Repair("Open the consumer's page", page, "users", then, main=True)]
    if finding.rule == "organization-account-left":
        number, _, organization_id = finding.subject.partition(" ")
        organization = Organization.objects.filter(organization_id=organization_id).first()
        if organization is None:
            return []
        page = reverse("organisation-account", args=[organization.pk, number])
        then = "What lets it in, and what of its own lets in others."
        found = [Repair("See it both ways", page, "git-compare", then, main=True)]
        if finding.detail.get("inwards"):
            then = "Everything that lets it in is shown first; then one confirmation."
            found.append(Repair("Offboard it", reverse("consumer-offboard", args=[number]), "user-off", then, danger=True))
        return found
    if finding.rule in _PLACES:
        name, words, icon = _PLACES[finding.rule]
        args = [finding.account_id] if name == "account-detail" else []
        return [Repair(words, reverse(name, args=args), icon, main=True)]
    if grant is not None and finding.rule == "share-vanished":
        return [Repair("Restore it", reverse("function-restore", args=[grant.policy.function_id]), "arrow-back-up", main=True)]
    if grant is not None and finding.rule in ("statement-changed", "revoke-failed"):
        return [
            Repair("Take the share back", reverse("grant-revoke", args=[grant.pk]), "trash", danger=True, main=True),
            Repair("Look at the share", reverse("grant-detail", args=[grant.pk]), "eye"),
        ]
    if grant is not None:
        return [Repair("Look at the share", reverse("grant-detail", args=[grant.pk]), "eye", main=True)]
    if function is None:
        return []
    if finding.rule in ("unread", "never-read", "aliases-unlisted"):
        then = "The function's page has the button that reads it again."
        return [Repair("Open the function", reverse("function-detail", args=[function.pk]), "refresh", then, main=True)]
    if finding.rule == "nearly-full":
        address = reverse("function-policy", args=[function.pk])
        return [Repair("See what fills it", address, "list", "Every statement with its size.", main=True)]
    if finding.rule == "url-unanswered" and finding.policy is not None:
        auth = str(finding.detail.get("auth", ""))
        address = share_url(finding.policy, action=INVOKE_URL, url_auth_type=auth)
        return [Repair("Share the URL", address, "share", "Both statements are needed; this is the first.", main=True)]
    return []
