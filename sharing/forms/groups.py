"""What people type about groups of consumers. Forms only read: services.groups decides."""

from __future__ import annotations

import uuid

from django import forms


class GroupForm(forms.Form):
    """A name, and who they are."""

    name = forms.CharField(
        label="Name",
        max_length=80,
        error_messages={"required": "Give it a name."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    note = forms.CharField(label="Note", max_length=200, required=False, help_text="Who they are, for later readers.")


class JoinForm(forms.Form):
    """Accounts that become members."""

    form_token = forms.CharField(widget=forms.HiddenInput, max_length=64)
    who = forms.CharField(
        label="Accounts, one a line",
        max_length=100_000,
        help_text="Ids or names of known accounts. You see what they get before they are members.",
        error_messages={"required": "Name the accounts."},
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}),
    )

    @staticmethod
    def fresh_token() -> str:
        """A token for one form: the same form sent twice makes one preview."""
        return uuid.uuid4().hex
