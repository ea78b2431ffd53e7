"""Whom the organisation trusts."""

from django import forms


class TrustForm(forms.Form):
    """One entry; what it may be is decided by services.trusting."""

    value = forms.CharField(
        max_length=60, label="Account or organisation", help_text="An account id of 12 digits, or an organisation id (o-…)."
    )
    note = forms.CharField(max_length=200, required=False, label="Note", help_text="Who they are, for later readers.")
