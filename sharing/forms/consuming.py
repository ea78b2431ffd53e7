"""What the other side types about what is shared with it."""

from django import forms


class GiveBackForm(forms.Form):
    """Why a share is given back: the owner reads it."""

    reason = forms.CharField(
        label="Reason",
        label_suffix="",
        max_length=500,
        required=False,
        help_text="The owner of the function reads it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
