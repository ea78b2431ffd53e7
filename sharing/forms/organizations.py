"""Connecting an organisation: the account whose role reads its members, then the accounts themselves."""

import re

from django import forms


class OrganizationForm(forms.Form):
    """The management account, or a delegated administrator's. The service checks what they say."""

    number = forms.CharField(
        max_length=20,
        label="Account id",
        help_text="Of the organisation's management account, or better of a delegated administrator. 12 digits; spaces and "
        "dashes do not matter.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    name = forms.CharField(max_length=80, label="Its name", help_text="What people call the account.")


class JoinForm(forms.Form):
    """Which roles every account gets, where, and what is read there. The service checks what they say."""

    manager = forms.BooleanField(
        required=False,
        label="Manager role: functions of these accounts are read here",
        help_text="Its stages below are what it may do beside reading.",
    )
    share = forms.BooleanField(required=False, label="Share stage: permissions of their functions may be added and removed")
    wire = forms.BooleanField(required=False, label="Mappings stage: event source mappings onto their functions may be changed")
    checker = forms.BooleanField(
        required=False,
        label="Checker role: functions are shared with these accounts, and checked as them",
        help_text="It may try to invoke functions of the organisation's accounts, and of connected owners outside of it.",
    )
    units = forms.CharField(
        max_length=5000,
        required=False,
        label="Only these units",
        help_text="Ids such as ou-ab12-c3d4e5f6, one on a line. Empty: every account of the organisation. fnshare does not "
        "know who is in which unit: the other accounts go on waiting for a role, unless you leave them out.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
    )
    regions = forms.CharField(
        max_length=2000,
        required=False,
        label="Regions",
        help_text="What is read in each account: names such as us-east-1, separated by commas. Empty: every region that the "
        "account has enabled. The fewer, the fewer calls.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )

    @property
    def chosen_units(self) -> list[str]:
        """The ids, however they were separated."""
        return _words(self.cleaned_data["units"])

    @property
    def chosen_regions(self) -> list[str]:
        """The names, however they were separated."""
        return _words(self.cleaned_data["regions"])


class LeaveOutForm(forms.Form):
    """Why an account is not to be connected."""

    reason = forms.CharField(max_length=300, label="Reason", widget=forms.TextInput(attrs={"autocomplete": "off"}))


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,;]+", text) if word]
