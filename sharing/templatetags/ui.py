"""What pages are made of: icons, states, digits, moments, fields. docs/pages.md shows each in use.

State is always an icon and a word and a colour. Names are what people read, digits what AWS reads: both are shown, both
can be copied.
"""

from datetime import datetime
from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sharing.models import Account, CheckState, ConnectionState, Function, GrantState, Role, SyncState, Verdict

from .fields import field, fields, form_errors
from .moments import ago, moment

register = template.Library()

# Tones are the classes of app.css: ok, busy, wait, warn, bad, off, plain.
GRANT_STATES: dict[str, tuple[str, str]] = {
    GrantState.REQUESTED: ("wait", "user-question"),
    GrantState.PENDING: ("busy", "loader-2"),
    GrantState.GRANTING: ("busy", "loader-2"),
    GrantState.ACTIVE: ("ok", "circle-check"),
    GrantState.REVOKING: ("busy", "loader-2"),
    GrantState.REVOKED: ("off", "circle-minus"),
    GrantState.FAILED: ("bad", "circle-x"),
    GrantState.EXPIRED: ("off", "clock-x"),
    GrantState.VANISHED: ("warn", "ghost-2"),
    GrantState.SUSPENDED: ("wait", "clock-pause"),
    GrantState.STUCK: ("bad", "alert-octagon"),
}
CONNECTION_STATES: dict[str, tuple[str, str]] = {
    ConnectionState.AWAITED: ("wait", "hourglass"),
    ConnectionState.TESTING: ("busy", "loader-2"),
    ConnectionState.CONNECTED: ("ok", "plug-connected"),
    ConnectionState.REFUSED: ("bad", "circle-x"),
    ConnectionState.PAUSED: ("off", "player-pause"),
    ConnectionState.DISCONNECTED: ("off", "plug-x"),
}
SYNC_STATES: dict[str, tuple[str, str]] = {
    SyncState.QUEUED: ("wait", "hourglass"),
    SyncState.RUNNING: ("busy", "loader-2"),
    SyncState.DONE: ("ok", "circle-check"),
    SyncState.PARTIAL: ("warn", "alert-triangle"),
    SyncState.FAILED: ("bad", "circle-x"),
}
CHECK_STATES: dict[str, tuple[str, str]] = {
    CheckState.QUEUED: ("wait", "hourglass"),
    CheckState.RUNNING: ("busy", "loader-2"),
    CheckState.DONE: ("ok", "circle-check"),
}
OUTCOMES: dict[str, tuple[str, str, str]] = {
    "ok": ("ok", "circle-check", "OK"),
    "missing": ("warn", "alert-triangle", "Missing"),
    "warning": ("warn", "alert-triangle", "Warning"),
    "failed": ("bad", "circle-x", "Failed"),
}
ROLES: dict[str, tuple[str, str]] = {
    Role.ADMIN: ("plain", "shield-check"),
    Role.OWNER: ("plain", "key"),
    Role.AUDITOR: ("plain", "eye"),
    Role.CONSUMER: ("plain", "users"),
}


@register.simple_tag
@lru_cache(maxsize=1024)  # a page has dozens, of a few names
def icon(name: str, classes: str = "") -> SafeString:
    """A decorative icon of static/vendor/icons.svg; the words beside it carry the meaning."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        classes,
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag
def badge(tone: str, icon_name: str, words: str) -> SafeString:
    """A state: icon, words and colour. `tone` is ok, busy, wait, warn, bad or off."""
    turning = "icon-turning" if icon_name == "loader-2" else ""
    return format_html('<span class="state state-{}">{}<span>{}</span></span>', tone, icon(icon_name, turning), words)


@register.simple_tag
def grant_state(value: str) -> SafeString:
    """What AWS was told about a grant."""
    return badge(*GRANT_STATES[value], str(GrantState(value).label))


@register.simple_tag
def connection_state(value: str) -> SafeString:
    """Where a connection to an account stands."""
    return badge(*CONNECTION_STATES[value], str(ConnectionState(value).label))


@register.simple_tag
def sync_state(value: str) -> SafeString:
    """Where a sync stands."""
    return badge(*SYNC_STATES[value], str(SyncState(value).label))


@register.simple_tag
def check_state(value: str) -> SafeString:
    """Whether a check was answered yet."""
    return badge(*CHECK_STATES[value], str(CheckState(value).label))


@register.simple_tag
def outcome(value: str) -> SafeString:
    """One line of a connection's report."""
    return badge(*OUTCOMES.get(value, ("off", "help-circle", value)))


@register.simple_tag
def role(value: str) -> SafeString:
    """What a person may do."""
    return badge(*ROLES[value], str(Role(value).label))


@register.simple_tag
def verdict(
    value: str, principal: str = "", at: datetime | None = None, detail: str = "", expected: str = Verdict.ALLOWED
) -> SafeString:
    """What a check proved, for the one principal that tried; never a statement about AWS's policy.

    `expected` is `denied` after a revoke: then "allowed" is the bad news and "denied" the proof.
    """
    who = principal.rsplit(":", 1)[-1]
    match value:
        case Verdict.ALLOWED if expected == Verdict.DENIED:
            mark = badge("warn", "shield-x", f"Still allowed for {who}")
        case Verdict.ALLOWED:
            mark = badge("ok", "shield-check", f"Proved for {who}")
        case Verdict.DENIED if expected == Verdict.DENIED:
            mark = badge("ok", "shield-check", f"Proved denied for {who}")
        case Verdict.DENIED:
            mark = badge("bad", "shield-x", f"Denied for {who}")
        case Verdict.NOT_TRIED:
            mark = badge("off", "help-circle", "Not tried")
        case Verdict.ERROR:
            mark = badge("warn", "alert-triangle", "Could not be tried")
        case _:
            mark = badge("off", "circle-dashed", "Not checked")
    when = format_html(' <span class="text-secondary">{}</span>', ago(at)) if at else ""
    why = format_html('<div class="text-secondary small">{}</div>', detail) if detail else ""
    return format_html('<span class="verdict">{}{}{}</span>', mark, when, why)


def _copy(text: str, what: str) -> SafeString:
    return format_html(
        '<button type="button" class="copy" data-copy="{}" title="Copy {}" aria-label="Copy {} {}">{}</button>',
        text,
        what,
        what,
        text,
        icon("copy"),
    )


@register.simple_tag
def copyable(text: str, what: str = "text", shown: str = "") -> SafeString:
    """Monospace text with a button that copies it; `shown` when people read it differently (spaced digits)."""
    return format_html('<span class="copyable"><code>{}</code>{}</span>', shown or text, _copy(text, what))


@register.simple_tag
def arn(text: str) -> SafeString:
    """An ARN, whole, copyable."""
    return copyable(text, "ARN")


@register.simple_tag
def digits(number: str) -> SafeString:
    """An account id as people read it (1111 2222 3333); copied without the spaces."""
    return copyable(number, "account id", " ".join((number[:4], number[4:8], number[8:])))


@register.simple_tag
def account(of: Account) -> SafeString:
    """An account: the name, and beneath it the digits."""
    return format_html('<span class="named"><span class="name">{}</span>{}</span>', of.name, digits(of.number))


register.simple_tag(ago)
register.simple_tag(moment)


@register.filter
def spaced(number: str) -> str:
    """An account id's digits in fours, as plain text."""
    is_account = len(number) == 12 and number.isascii() and number.isdigit()
    return " ".join((number[:4], number[4:8], number[8:])) if is_account else number


@register.filter
def percent_of(part: int, whole: int | None) -> int:
    """A whole number from 0 to 100, for a progress bar."""
    return min(100, round(100 * part / whole)) if whole else 0


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@register.filter
def browser(user_agent: str) -> str:
    """A User-Agent header in words: "Firefox on Windows"; the header itself when it is not one of the usual ones."""
    program = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if program and system:
        return f"{program} on {system}"
    return program or user_agent[:60] or "unknown"


@register.simple_block_tag
def empty(content: str, icon_name: str, title: str) -> SafeString:
    """An empty state: says what is missing, and in its content what to do next."""
    return format_html(
        '<div class="empty"><div class="empty-icon">{}</div><p class="empty-title">{}</p>'
        '<div class="empty-subtitle text-secondary">{}</div></div>',
        icon(icon_name),
        title,
        content,
    )


register.simple_tag(field)
register.simple_tag(fields)
register.inclusion_tag("components/form_errors.html")(form_errors)


@register.simple_tag
def function_link(of: Function, qualifier: str = "") -> SafeString:
    """A function by name, a link to its page, and beneath it whose it is and where."""
    return format_html(
        '<span class="named"><a class="name" href="{}">{}{}</a><span class="text-secondary">{} · {}</span></span>',
        reverse("function-detail", args=[of.pk]),
        of.name,
        f":{qualifier}" if qualifier else "",
        of.account.name,
        of.region,
    )
