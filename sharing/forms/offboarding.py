"""The one confirmation of an offboarding, and of its undo."""

from django import forms


class OffboardForm(forms.Form):
    """Why, and the account once more by hand. `seen`: the mark of what was shown; `form`: the same form, the same row."""

    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
    form = forms.CharField(max_length=64, widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=500,
        label="Reason",
        help_text="It stands with every share that is taken back.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    typed = forms.CharField(
        max_length=100,
        label="The account's name or its 12 digits",
        help_text="Type it, so that it is the one you mean.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )


class UndoForm(forms.Form):
    """Whether roles of the same names are meant."""

    roles = forms.BooleanField(
        required=False,
        label="Roles and users of the same names are meant",
        help_text="One that was deleted and made again since is another; without this, shares with them are not restored.",
    )
