"""What people type to ask for access, and what owners answer.

Forms only read: services.requesting and services.granting decide, and what they refuse comes back onto these fields.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import QuerySet

from sharing.models import AccessRequest, Account
from sharing.policy.actions import INVOKE

from .share import EndForm, action_choices, offer

_MONO = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


def _reason() -> forms.CharField:
    return forms.CharField(
        label="Reason",
        max_length=500,
        help_text="The function's owners read it.",
        error_messages={"required": "Say in a few words what it is for."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def _principal(whose: str) -> forms.CharField:
    return forms.CharField(
        label="Only for one role or user",
        max_length=2048,
        required=False,
        help_text=f"The ARN of a role or user of {whose} account. Left empty: the whole account, where its own IAM decides.",
        widget=forms.TextInput(attrs=_MONO),
    )


class LongerForm(EndForm):
    """A later end date for something that is shared already."""

    form_token = forms.CharField(widget=forms.HiddenInput, max_length=64)
    reason = _reason()

    @staticmethod
    def fresh_token() -> str:
        """A token for one form: sent twice, it is one wish."""
        return uuid.uuid4().hex


class AskForm(LongerForm):
    """Access to a function that is named by its ARN, for an account one acts for."""

    account: forms.ModelChoiceField[Account] = forms.ModelChoiceField(
        label="For", queryset=Account.objects.none(), empty_label=None, to_field_name="number"
    )
    asked_for = forms.CharField(
        label="Function",
        max_length=300,
        help_text="Its ARN, as its owners gave it to you; an alias or version may follow.",
        error_messages={"required": "Give the function's ARN."},
        widget=forms.TextInput(attrs=_MONO),
    )
    action = forms.ChoiceField(
        label="To", choices=action_choices, initial=INVOKE, error_messages={"invalid_choice": "Choose an action of the list."}
    )
    principal = _principal("your")

    field_order = ("form_token", "account", "asked_for", "action", "principal", "until", "until_date", "reason")

    def __init__(self, *args: Any, accounts: QuerySet[Account], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["account"]
        assert isinstance(chosen, forms.ModelChoiceField)  # noqa: S101  # narrows the type of a field declared above
        chosen.queryset = accounts


class AskForOthersForm(AskForm):
    """A colleague asks for an account they know, for a function they have before them."""

    asked_for = None  # type: ignore[assignment]
    qualifier = forms.ChoiceField(label="On", required=False)
    principal = _principal("that")

    field_order = ("form_token", "account", "action", "qualifier", "principal", "until", "until_date", "reason")

    def __init__(self, *args: Any, places: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self.fields["qualifier"], places)


class AnswerForm(EndForm):
    """Until when, and what the asker reads: all there is to say about a later end date."""

    answer = forms.CharField(
        label="Answer",
        max_length=500,
        required=False,
        help_text="The asker reads it. Needed to decline.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, wish: AccessRequest, asked: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wish = wish
        until = self.fields["until"]
        assert isinstance(until, forms.ChoiceField)  # noqa: S101  # narrows the type of a field declared above
        until.choices = [("wish", f"As asked: {asked}"), *until.choices]  # type: ignore[misc]
        until.initial = "wish"

    def clean(self) -> dict[str, Any]:
        """The end that was asked for is the very moment, not a count of days from now."""
        found = super().clean()
        if found.get("until") == "wish":
            found["ends_at"] = self._wish.ends_at
        return found


class DecideForm(AnswerForm):
    """What of a wish for access the owner may change before saying yes."""

    action = forms.ChoiceField(
        label="May", choices=action_choices, error_messages={"invalid_choice": "Choose an action of the list."}
    )
    qualifier = forms.ChoiceField(label="On", required=False)
    principal = _principal("the asking")

    field_order = ("action", "qualifier", "principal", "until", "until_date", "answer")

    def __init__(self, *args: Any, places: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self.fields["qualifier"], places)
