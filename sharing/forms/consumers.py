"""What people type about a consumer."""

from django import forms


class NameForm(forms.Form):
    """What an account is called here."""

    name = forms.CharField(
        max_length=80,
        label="Name",
        help_text="As people say it: the company, the team. Everybody here reads it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
