"""What of the history one wants to see."""

from django import forms

from .findings import SENSIBLE
from .narrowing import AccountFilter

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


class ActivityFilter(AccountFilter):
    """All optional, an account by its name, a part of it, or digits; dates are whole days in the person's time zone."""

    kind = forms.ChoiceField(choices=KINDS, required=False, label="What")
    verb = forms.RegexField(r"\A[a-z]+\.[a-z-]+\Z", max_length=40, required=False, widget=forms.HiddenInput)
    who = forms.CharField(max_length=200, required=False, label="Who")
    function = forms.CharField(max_length=300, required=False, label="Function")
    since = forms.DateField(required=False, label="From", validators=SENSIBLE, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", validators=SENSIBLE, widget=forms.DateInput(attrs={"type": "date"}))
