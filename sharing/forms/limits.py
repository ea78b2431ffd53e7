"""What an admin says when they freeze or unfreeze."""

from django import forms


class FreezeForm(forms.Form):
    """Why everything stops. Everybody reads it while it is so."""

    reason = forms.CharField(
        max_length=500,
        label="Reason",
        help_text="Everybody but consumers reads it on every page while it is frozen.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class UnfreezeForm(forms.Form):
    """Why it goes on; `which`: the freeze that was shown."""

    which = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=500,
        label="Reason",
        help_text="History keeps it, and every admin gets it by mail.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
