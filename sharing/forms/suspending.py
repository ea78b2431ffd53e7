"""The confirmations of suspending and resuming: one grant, or everything of an account."""

from __future__ import annotations

from typing import Any

from django import forms

from sharing.forms.offboarding import OffboardForm
from sharing.forms.share import EndForm, offer

#: How long, of what `EndForm` understands.
_DAYS = (1, 7, 30)


class WhileForm(EndForm):
    """Why, and until when: by hand, or by itself on a day. Gives `ends_at`: the moment, None for by hand."""

    reason = forms.CharField(
        max_length=500,
        label="Reason",
        help_text="It stands in the history; the other side does not see it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = [(f"{days}d", f"By itself in {days} day{'s' if days > 1 else ''}") for days in _DAYS]
        offer(self.fields["until"], [("never", "By hand"), *days, ("date", "By itself after…")])
        self.fields["until"].label = "Resumed"
        self.fields["until"].initial = "never"
        self.fields["until"].error_messages["invalid_choice"] = "Choose one of the offered ends."
        self.fields["until_date"].label = "After the end of"


class SuspendForm(WhileForm, OffboardForm):
    """Everything of an account, once more by hand."""


class ResumeForm(forms.Form):
    """Whether the role or user of this name is meant."""

    confirm_role = forms.BooleanField(
        required=False,
        label="The role or user of this name today is meant",
        help_text="One that was deleted and made again since is another.",
    )
