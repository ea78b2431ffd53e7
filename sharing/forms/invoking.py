"""What people type to call a function once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms

from sharing.models import InvocationType

from .share import offer

KINDS = (
    (InvocationType.REQUEST_RESPONSE, "Wait for the answer (RequestResponse), up to 60 seconds"),
    (InvocationType.EVENT, "Hand an event over and go on (Event): how it ends is not told to the caller"),
)


class InvokeForm(forms.Form):
    """One test invoke. The service decides what the payload may be."""

    form_token = forms.CharField(widget=forms.HiddenInput, max_length=64)
    qualifier = forms.ChoiceField(label="On", required=False)
    through = forms.ChoiceField(label="As", required=False)
    kind = forms.ChoiceField(label="How", choices=KINDS, widget=forms.RadioSelect, initial=InvocationType.REQUEST_RESPONSE)
    payload = forms.CharField(
        label="Payload",
        required=False,
        strip=False,
        help_text="JSON, up to 256 KB. Empty: nothing is sent. It is kept here for 15 minutes, and shown to you alone.",
        widget=forms.Textarea(
            attrs={"rows": 10, "spellcheck": "false", "autocomplete": "off", "autocapitalize": "none", "class": "payload"}
        ),
    )
    sure = forms.BooleanField(
        label="I know: this really runs the function",
        error_messages={"required": "Confirm that the function may really run."},
    )

    def __init__(
        self,
        *args: Any,
        places: Iterable[tuple[str, str]] = (),
        doors: Iterable[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("qualifier", list(places)), ("through", list(doors))):
            if choices:
                offer(self.fields[name], choices)
            else:
                del self.fields[name]

    @staticmethod
    def fresh_token() -> str:
        """A token for one form: the same form sent twice makes one call."""
        return uuid.uuid4().hex

    def renew(self) -> None:
        """Make it another form: what was sent with the old token is a call already. Confirmed anew, too."""
        self.data = {**self.data, "form_token": self.fresh_token(), "sure": ""}
