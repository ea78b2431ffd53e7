"""Between which days a timeline is told."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms

_LAST = datetime.date(9000, 1, 1)


class SpanForm(forms.Form):
    """Both optional; whole days in the person's time zone."""

    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """Days that a calendar can go on from, in their order."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = found.get("since"), found.get("until")
        for name, day in (("since", since), ("until", until)):
            if day and not datetime.date(2000, 1, 1) <= day <= _LAST:
                self.add_error(name, "Choose a day of this century.")
        if since and until and since > until:
            self.add_error("until", "The last day is before the first.")
        return found
