"""The rows of a connection test, and what makes an ExternalId weak."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sharing.aws.organizations import Described
from sharing.models import Account

_COMMON = ("password", "secret", "external", "fnshare", "test", "changeme", "example", "12345", "abcdef", "qwerty")


class Report:
    """Rows `{"name", "outcome", "detail", "next"}` with outcome ok, missing, warning or failed: what the page shows."""

    def __init__(self) -> None:
        self.rows: list[dict[str, str]] = []

    def ok(self, name: str, detail: str = "") -> None:
        """As it should be."""
        self._add(name, "ok", detail, "")

    def missing(self, name: str, detail: str, following: str) -> None:
        """A permission the role lacks; its verb is switched off."""
        self._add(name, "missing", detail, following)

    def warning(self, name: str, detail: str, following: str) -> None:
        """Works, but somebody should look at it."""
        self._add(name, "warning", detail, following)

    def failed(self, name: str, detail: str, following: str) -> None:
        """Refuses the connection."""
        self._add(name, "failed", detail, following)

    def _add(self, name: str, outcome: str, detail: str, following: str) -> None:
        self.rows.append({"name": name, "outcome": outcome, "detail": detail, "next": following})


@dataclass
class Result:
    """What a test found. refused: why the connection is refused, with the next step; None: it stands.

    organization: the one that an organisation role names.
    """

    report: Report
    verbs: dict[str, bool] = field(default_factory=dict)
    refused: tuple[str, str] | None = None
    regions: list[str] = field(default_factory=list)
    enabled_regions: list[str] | None = None
    rotated: bool = False
    organization: Described | None = None


def statement_to_add(actions: Sequence[str], resource: str | list[str], **more: Any) -> str:
    """The JSON of a statement to add to the role's policy, in a sentence."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}
    return f"Add to the role's policy: {json.dumps(statement)}. Then test again."


def weaknesses(external_id: str, account: Account) -> list[str]:
    """Why an ExternalId that was not generated here could be guessed; empty: nothing found."""
    found = []
    plain = external_id.lower()
    if len(external_id) < 16:
        found.append(f"The ExternalId has only {len(external_id)} characters; 22 random ones cannot be guessed.")
    if account.number in re.sub(r"\D", "", external_id):
        found.append("The ExternalId contains the account id, which is no secret.")
    elif external_id.isdigit():
        found.append("The ExternalId consists of digits only.")
    name = re.sub(r"[^a-z0-9]", "", account.name.lower())
    if len(name) > 3 and name in re.sub(r"[^a-z0-9]", "", plain):
        found.append("The ExternalId contains the account's name.")
    unusual = re.sub("|".join(_COMMON), "", plain)
    if len(external_id) >= 16 and (len(unusual) < 12 or len(set(unusual)) < 8):
        found.append("The ExternalId looks like a word or a pattern that others would try.")
    return found
