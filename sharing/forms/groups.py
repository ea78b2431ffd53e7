"""What people type about groups of consumers. Forms only read: services.groups decides."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet

from sharing.models import OrganizationUnit

if TYPE_CHECKING:
    _Choice = forms.ModelChoiceField[OrganizationUnit]
else:
    _Choice = forms.ModelChoiceField


class UnitField(_Choice):
    """Units by the names of those above them, and by their organisation."""

    def label_from_instance(self, obj: Any) -> str:
        """What a person chooses from."""
        words = "the root: every account" if obj.is_root else str(obj)
        return f"{obj.organization} · {words}"


class GroupForm(forms.Form):
    """A name, and who they are."""

    name = forms.CharField(
        label="Name",
        max_length=80,
        error_messages={"required": "Give it a name."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    note = forms.CharField(label="Note", max_length=200, required=False, help_text="Who they are, for later readers.")
    unit = UnitField(
        OrganizationUnit.objects.none(),
        label="Follow an organisational unit",
        required=False,
        empty_label="None: I name the accounts",
        help_text="AWS says who is in it. Who joins or leaves is offered on the group's page; nobody gets or loses anything "
        "before you confirm.",
    )
    nested = forms.BooleanField(label="With the units beneath it", required=False)

    def __init__(self, *args: Any, units: QuerySet[OrganizationUnit], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if units.exists():
            self.fields["unit"].queryset = units.select_related("organization")  # type: ignore[attr-defined]
        else:
            del self.fields["unit"], self.fields["nested"]


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
