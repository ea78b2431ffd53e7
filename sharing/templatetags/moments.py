"""Moments as people say them, in their time zone; `ui` makes them template tags."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString


def spoken(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, or until when: "just now", "3 min ago", "in 5 days", then the date."""
    now = now or timezone.now()
    gap = now - moment
    past, seconds = gap >= timedelta(0), abs(gap.total_seconds())
    if seconds < 45:
        return "just now" if past else "in a moment"
    for limit, unit, name in ((3600, 60, "min"), (86400, 3600, "h"), (86400 * 60, 86400, "day")):
        if seconds < limit:
            amount = max(1, round(seconds / unit))
            words = f"{amount} {name}{'s' if name == 'day' and amount > 1 else ''}"
            return f"{words} ago" if past else f"in {words}"
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y}"


def ago(moment: datetime | None, missing: str = "never") -> SafeString | str:
    """A moment relative to now; the title has it whole, in the person's time zone."""
    if moment is None:
        return missing
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{} {}">{}</time>',
        moment.isoformat(timespec="seconds"),
        f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S}",
        local.tzname() or "",
        spoken(moment),
    )


def moment(at: datetime | None, missing: str = "never") -> SafeString | str:
    """A moment as date and time, in the person's time zone."""
    if at is None:
        return missing
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}" title="{} {}" class="text-nowrap">{}</time>',
        at.isoformat(timespec="seconds"),
        f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S}",
        local.tzname() or "",
        f"{local.day} {local:%b %Y, %H:%M}",
    )
