"""How a finding is shown: tones, icons and words. Never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sharing.models import Finding, Weight
from sharing.services.findings.settling import title_of

#: Weight: (tone, icon, word), for {% badge %}.
SEVERITIES: Final[dict[int, tuple[str, str, str]]] = {
    Weight.CRITICAL: ("bad", "alert-octagon", "Critical"),
    Weight.HIGH: ("bad", "circle-arrow-up", "High"),
    Weight.MEDIUM: ("warn", "alert-triangle", "Medium"),
    Weight.LOW: ("off", "circle-arrow-down", "Low"),
}
STATUSES: Final[dict[str, tuple[str, str, str]]] = {
    "open": ("warn", "alert-circle", "Open"),
    "accepted": ("wait", "hourglass", "Accepted"),
    "closed": ("ok", "circle-check", "Closed"),
}


@dataclass(frozen=True)
class Shown:
    """One line of the list."""

    finding: Finding
    title: str
    severity: tuple[str, str, str]
    status: tuple[str, str, str]
    new: bool


def shown(finding: Finding, since: datetime) -> Shown:
    """A finding with its words."""
    return Shown(
        finding,
        title_of(finding.rule),
        SEVERITIES[finding.severity],
        STATUSES[finding.status],
        finding.status == "open" and finding.opened_at > since,
    )
