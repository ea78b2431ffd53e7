"""What people type to invite somebody. Forms only read: what may be offered is decided by services.inviting."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms

from sharing.policy.actions import INVOKE

from .share import EndForm, action_choices, offer


class InvitationForm(forms.Form):
    """Whom, for which account, and a note. What is offered stands in one OfferForm each."""

    form_token = forms.CharField(widget=forms.HiddenInput, max_length=64)
    email = forms.CharField(
        label="E-mail address",
        max_length=254,
        error_messages={"required": "Say whom to invite."},
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    meant = forms.CharField(
        label="For the AWS account",
        required=False,
        max_length=200,
        help_text="12 digits, a known account's name, or an organisation (o-…). Left empty, they choose which account to "
        "prove, and you confirm that one before anything is shared.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "list": "known"}),
    )
    note = forms.CharField(
        label="Note",
        required=False,
        help_text="Plain text, quoted in the mail as yours. Links in it are not made clickable.",
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": 1000, "data-counts": "note-count"}),
    )

    @staticmethod
    def fresh_token() -> str:
        """A token for one form: the same form sent twice makes one invitation."""
        return uuid.uuid4().hex

    def renew(self) -> None:
        """Make it another form: what was sent with the old token is an invitation already."""
        self.data = {**self.data, "form_token": self.fresh_token()}


class OfferForm(EndForm):
    """One function of the invitation: which form of it, what they may do, until when."""

    function = forms.UUIDField(widget=forms.HiddenInput)
    qualifier = forms.ChoiceField(label="On", required=False)
    action = forms.ChoiceField(
        label="May", choices=action_choices, initial=INVOKE, error_messages={"invalid_choice": "Choose an action of the list."}
    )

    #: What the next function takes over from the one before it.
    KEPT = ("action", "until", "until_date")

    def __init__(self, *args: Any, places: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self.fields["qualifier"], places)


class CancelForm(forms.Form):
    """Why an invitation is taken back."""

    reason = forms.CharField(
        label="Reason", max_length=500, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
