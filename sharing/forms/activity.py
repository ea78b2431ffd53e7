"""What of the history one wants to see."""

from typing import Any

from django import forms

from sharing.models import Account

from .choices import LongSelect

# The part of a verb before the dot (models.Event.verb), in people's words.
KINDS = (
    ("", "Everything"),
    ("grant", "Shares and revokes"),
    ("statement", "Statements changed elsewhere"),
    ("policy", "Policies changed"),
    ("invitation", "Invitations"),
    ("lease", "Leases past their end"),
    ("request", "Requests for access"),
    ("layer", "Layers"),
    ("mapping", "Event source mappings"),
    ("finding", "Findings"),
    ("check", "Checks"),
    ("function", "Functions"),
    ("freeze", "Freezes"),
    ("limits", "Limits of the workers"),
    ("sync", "Syncs"),
    ("bulk", "Bulk shares"),
    ("group", "Groups"),
    ("trust", "Trust list"),
    ("connection", "Connections"),
    ("account", "Accounts"),
    ("person", "People"),
)


class ActivityFilter(forms.Form):
    """All optional; dates are whole days in the person's time zone."""

    kind = forms.ChoiceField(choices=KINDS, required=False, label="What")
    verb = forms.RegexField(r"\A[a-z]+\.[a-z-]+\Z", max_length=40, required=False, widget=forms.HiddenInput)
    who = forms.CharField(max_length=200, required=False, label="Who")
    account: "forms.ModelChoiceField[Account]" = forms.ModelChoiceField(
        queryset=Account.objects.none(),
        required=False,
        empty_label="Every account",
        to_field_name="number",
        widget=LongSelect,
    )
    function = forms.CharField(max_length=300, required=False, label="Function")
    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, accounts: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["account"]
        assert isinstance(chosen, forms.ModelChoiceField)  # noqa: S101  # narrows the type of a field declared above
        chosen.queryset = accounts
