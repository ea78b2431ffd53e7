"""Connecting an account: who it is, then which role."""

import re

from django import forms

from sharing.models import Purpose

PURPOSES = (
    (Purpose.MANAGER, "Owner account: its functions are read here and shared with others"),
    (Purpose.CHECKER, "Consumer account: functions are shared with it, and checked as it"),
    (Purpose.INVOKER, "Test invoke: functions are really called through it, on somebody's click"),
    (Purpose.SOURCE, "Event sources: buckets, topics, queues and others that you name are wired to functions through it"),
)


class AccountForm(forms.Form):
    """The account's name, and the regions that are read. The service checks what they say."""

    name = forms.CharField(max_length=80, help_text="What people call it: Platform, Retail staging…")
    regions = forms.CharField(
        max_length=2000,
        required=False,
        help_text="Names such as us-east-1, separated by commas. Empty: every region the account has enabled, "
        "if the role may list them.",
    )

    limited_to = forms.CharField(
        max_length=20_000,
        required=False,
        label="Only these functions",
        help_text="ARN patterns as in IAM, one on a line; for the account's own functions the name will do. Empty: every "
        "function the role may reach.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
    )

    sources = forms.CharField(
        max_length=20_000,
        required=False,
        label="These sources, and no others",
        help_text="ARNs of buckets, topics, rules, alarms, queues and streams of this account, in full, one on a line.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
    )

    def limits(self, purpose: str) -> list[str]:
        """What a role of this purpose is limited to, a line each: functions' patterns, or sources."""
        text = self.cleaned_data["sources" if purpose == Purpose.SOURCE else "limited_to"]
        return [line.strip() for line in text.splitlines() if line.strip()]

    @property
    def chosen_regions(self) -> list[str]:
        """The names, however they were separated."""
        return [region for region in re.split(r"[\s,;]+", self.cleaned_data["regions"]) if region]


class ConnectForm(AccountForm):
    """Step one: which account, and what for."""

    number = forms.CharField(
        max_length=20,
        label="Account id",
        help_text="12 digits; spaces and dashes do not matter.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    purpose = forms.ChoiceField(
        choices=PURPOSES,
        widget=forms.RadioSelect,
        initial=Purpose.MANAGER,
        label="What for",
        help_text="An account can be more than one of these: connect it once for each.",
    )
    field_order = ("number", "name", "purpose", "regions", "limited_to", "sources")


class RoleForm(forms.Form):
    """Step two: the role that was made."""

    role_arn = forms.CharField(
        max_length=600, label="Role ARN", widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )
    external_id = forms.CharField(
        max_length=1224,
        required=False,
        label="Its own ExternalId",
        help_text="Only if the role exists already and demands another ExternalId than the one above.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
