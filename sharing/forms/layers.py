"""What people type to share a layer version."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms

from .share import EndForm


class LayerShareForm(EndForm):
    """With whom, until when, and why. What a value means is decided by services.layers."""

    form_token = forms.CharField(widget=forms.HiddenInput, max_length=64)
    who = forms.CharField(
        label="Who",
        max_length=2048,
        strip=True,
        help_text="An account's name or 12 digits, an organisation (o-…), or everyone. AWS shares layers with nobody smaller.",
        error_messages={"required": "Say who should be able to use it."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none", "list": "known"}),
    )
    reason = forms.CharField(
        label="Reason", max_length=500, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(("form_token", "who", "until", "until_date", "reason"))

    @staticmethod
    def fresh_token() -> str:
        """A token for one form: the same form sent twice makes one grant."""
        return uuid.uuid4().hex

    def renew(self) -> None:
        """Make it another form: what was sent with the old token is a grant already."""
        self.data = {**self.data, "form_token": self.fresh_token()}
