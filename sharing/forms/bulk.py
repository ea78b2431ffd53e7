"""What people type to share many at once. Forms only read: lines are judged by services.bulk."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms

from sharing.policy.actions import INVOKE

from .share import EndForm, action_choices

_LINES = {"rows": 6, "spellcheck": "false", "autocapitalize": "none", "autocomplete": "off", "wrap": "off"}


class _ManyForm(EndForm):
    form_token = forms.CharField(widget=forms.HiddenInput, max_length=64)

    @staticmethod
    def fresh_token() -> str:
        """A token for one form: the same form sent twice makes one preview."""
        return uuid.uuid4().hex


class PicksForm(_ManyForm):
    """Functions, and who gets each of them: one a line."""

    functions = forms.CharField(
        label="Names or ARNs, one a line",
        max_length=2_000_000,
        widget=forms.Textarea(attrs=_LINES),
        help_text="With :alias or :version for one of those.",
        error_messages={"required": "Name the functions, or search and tick some."},
    )
    who = forms.CharField(
        label="Accounts and other principals, one a line",
        max_length=2_000_000,
        widget=forms.Textarea(attrs=_LINES),
        help_text="Names or ids of accounts, ARNs of roles or users, organisations, services.",
        error_messages={"required": "Say who should get access, or search and tick some."},
    )
    action = forms.ChoiceField(
        label="May", choices=action_choices, initial=INVOKE, error_messages={"invalid_choice": "Choose an action of the list."}
    )
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        error_messages={"required": "Say in a few words why they need it."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(("form_token", "functions", "who", "action", "until", "until_date", "reason"))


class ListForm(_ManyForm):
    """A list with a line for each share, pasted or as a file."""

    text = forms.CharField(
        label="List",
        required=False,
        max_length=5_000_000,
        widget=forms.Textarea(attrs={**_LINES, "rows": 10}),
        help_text="The first line names the columns: function, qualifier, principal, action, until, reason. "
        "Only function and principal (or who) must be there.",
    )
    file = forms.FileField(
        label="Or a CSV file",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv,text/plain"}),
        help_text="UTF-8, with the same columns.",
    )
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        required=False,
        help_text="For lines that give none.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(("form_token", "text", "file", "until", "until_date", "reason"))

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        found = super().clean()
        if not self.errors and not found.get("text") and not found.get("file"):
            self.add_error("text", "Paste a list, or choose a file.")
        return found


class TakeBackForm(forms.Form):
    """Why all of it is taken back."""

    reason = forms.CharField(
        label="Reason",
        max_length=500,
        error_messages={"required": "Say in a few words why."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
