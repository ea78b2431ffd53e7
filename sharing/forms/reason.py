"""What people type to ask whether somebody can invoke a function, or why somebody could not."""

from __future__ import annotations

from typing import Any

from django import forms

from sharing.policy.access_denied import LONGEST
from sharing.policy.actions import INVOKE
from sharing.policy.arn import unspaced

from .share import action_choices

_TEXT = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
_LINES = 20
_TOKEN = "lambda:eventsourcetoken"  # noqa: S105  # a key's name, no secret


class InvokeForm(forms.Form):
    """One question: who, what, and what is known of the call. Asked by GET, so that an answer has an address."""

    function = forms.CharField(
        label="Function",
        max_length=400,
        help_text="Name or ARN, with the alias or version that is called.",
        error_messages={"required": "Say which function."},
        widget=forms.TextInput(attrs={**_TEXT, "list": "functions-known"}),
    )
    principal = forms.CharField(
        label="Who calls",
        max_length=2048,
        help_text="An account's name or digits, the ARN of a role, user or session, a service, or “anonymous”.",
        error_messages={"required": "Say who calls."},
        widget=forms.TextInput(attrs={**_TEXT, "list": "callers-known"}),
    )
    action = forms.ChoiceField(
        label="To do what",
        choices=action_choices,
        initial=INVOKE,
        required=False,
        error_messages={"invalid_choice": "Choose an action of the list."},
    )
    by_url = forms.BooleanField(label="Through the function's URL", required=False)
    organization = forms.CharField(
        label="Caller's organisation",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={**_TEXT, "placeholder": "o-…"}),
    )
    source_ip = forms.GenericIPAddressField(label="Caller's address", required=False, widget=forms.TextInput(attrs=_TEXT))
    source_account = forms.CharField(
        label="Source account",
        required=False,
        max_length=20,
        help_text="For whom a service calls.",
        widget=forms.TextInput(attrs=_TEXT),
    )
    source_arn = forms.CharField(label="Source ARN", required=False, max_length=1024, widget=forms.TextInput(attrs=_TEXT))
    keys = forms.CharField(
        label="Other condition keys",
        required=False,
        max_length=4000,
        help_text="One a line, never a secret: aws:PrincipalTag/team = payments",
        widget=forms.Textarea(attrs={**_TEXT, "rows": 2}),
    )

    KNOWN = ("by_url", "organization", "source_ip", "source_account", "source_arn", "keys")

    @property
    def knows_more(self) -> bool:
        """Whether any of the rarer fields holds something or is wrong: they are shown open then."""
        return self.is_bound and any(self.data.get(name) or self.errors.get(name) for name in self.KNOWN)

    def clean_action(self) -> str:
        """Left out, it is a plain call."""
        return self.cleaned_data["action"] or INVOKE

    def clean_keys(self) -> dict[str, str]:
        """Condition keys and values. Event source tokens are secrets, which belong in no address."""
        found = {}
        for line in self.cleaned_data["keys"].splitlines()[:_LINES]:
            if not line.strip():
                continue
            key, equals, value = line.partition("=")
            if not equals or ":" not in key or not value.strip():
                raise forms.ValidationError("Write one key and its value a line, such as aws:PrincipalTag/team = payments.")
            if key.strip().lower() == _TOKEN:
                raise forms.ValidationError("An event source token is a secret: leave it out, the answer then depends on it.")
            found[key.strip()] = value.strip()
        return found

    def clean(self) -> dict[str, Any]:
        """Adds `context`: what is known of the call, by condition key."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        account = unspaced(found.get("source_account", ""))
        if account and not (len(account) == 12 and account.isascii() and account.isdigit()):
            self.add_error("source_account", "An AWS account id has exactly 12 digits.")
        said = {
            "aws:PrincipalOrgID": found.get("organization", ""),
            "aws:SourceIp": found.get("source_ip", ""),
            "aws:SourceAccount": account,
            "aws:SourceArn": found.get("source_arn", ""),
        }
        found["context"] = {**(found.get("keys") or {}), **{key: value for key, value in said.items() if value}}
        return found


class DenialForm(forms.Form):
    """The text of a refused call. It is used once and kept nowhere."""

    text = forms.CharField(
        label="The error, as it was printed",
        max_length=LONGEST,
        help_text="From AWS's CLI, an SDK or a log. It is read, answered and forgotten: nothing of it is kept.",
        error_messages={
            "required": "Paste the error text.",
            "max_length": f"That is more than {LONGEST:,} characters: paste only the message itself.",
        },
        widget=forms.Textarea(attrs={**_TEXT, "rows": 6}),
    )
