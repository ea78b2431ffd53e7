"""Connecting an organisation: the account whose role reads its members."""

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
