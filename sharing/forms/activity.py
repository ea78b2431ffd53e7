"""What of the history one wants to see."""

from typing import Any

from django import forms

from sharing.models.account import AccountQuerySet

from .findings import SENSIBLE

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
    """All optional, an account by its name, a part of it, or digits; dates are whole days in the person's time zone."""

    kind = forms.ChoiceField(choices=KINDS, required=False, label="What")
    verb = forms.RegexField(r"\A[a-z]+\.[a-z-]+\Z", max_length=40, required=False, widget=forms.HiddenInput)
    who = forms.CharField(max_length=200, required=False, label="Who")
    account = forms.CharField(
        max_length=80, required=False, label="Account", widget=forms.TextInput(attrs={"placeholder": "Name or digits"})
    )
    function = forms.CharField(max_length=300, required=False, label="Function")
    since = forms.DateField(required=False, label="From", validators=SENSIBLE, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", validators=SENSIBLE, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, accounts: AccountQuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._accounts = accounts

    def clean_account(self) -> "AccountQuerySet | None":
        """The accounts that are meant: of exactly this name, or all that it is a part of. None: every one."""
        text = self.cleaned_data["account"].strip()
        if not text:
            return None
        exactly = self._accounts.filter(name__iexact=text)
        found = exactly if exactly.exists() else self._accounts.called(text)
        if not found.exists():
            raise forms.ValidationError(f"No account in your scope has “{text}” in its name or digits.")
        return found
