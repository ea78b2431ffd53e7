"""What people type to share a function, to give another end date, and to say why they take something back.

Forms only read: what a value means, and whether it may be granted, is decided by services.granting, whose problems come
back onto these fields.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from sharing.policy.actions import ACTIONS, INVOKE

GROUPS = (
    ("Invoke", ("invoke", "invoke-url")),
    ("Read (may show code and settings)", ("read",)),
    ("Manage (a second person approves)", ("manage",)),
)
LASTING = (90, 30, 7, 1)


def action_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The closed list of grantable actions, grouped by what holding them amounts to."""
    return [
        (label, [(name, _worded(name)) for name, action in ACTIONS.items() if action.action_class in classes])
        for label, classes in GROUPS
    ]


def _worded(name: str) -> str:
    verb = ACTIONS[name].verb.removesuffix(" of").removesuffix(" from")
    words = f"{verb[:1].upper()}{verb[1:]}"
    return f"{words} ({name.removeprefix('lambda:')})"


def end_of_day(day: date) -> datetime:
    """The last second of that day in the reader's time zone."""
    return timezone.make_aware(datetime.combine(day, time(23, 59, 59)))


class EndForm(forms.Form):
    """Until when: a number of days, a date, or no end. Counted in whole days of the reader's time zone."""

    until = forms.ChoiceField(label="Until")
    until_date = forms.DateField(
        label="Until the end of",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Write the date as year-month-day, such as 2027-02-21."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        today = timezone.localdate()
        lasting = [(f"{days}d", f"{days} day{'s' if days > 1 else ''}, {_day(today, days)}") for days in LASTING]
        offer(self.fields["until"], [*lasting, ("date", "A date…"), ("never", "No end date")])
        self.fields["until"].initial = "90d"
        self.fields["until"].error_messages["invalid_choice"] = "Choose one of the offered ends."
        self.fields["until_date"].widget.attrs["min"] = today.isoformat()

    def clean(self) -> dict[str, Any]:
        """Adds `ends_at`: an aware moment, or None for no end."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        until, day = found.get("until"), found.get("until_date")
        found["ends_at"] = None
        if until == "date" and not day and "until_date" not in self.errors:
            self.add_error("until_date", "Choose the last day, or one of the other ends.")
        elif until == "date" and day:
            found["ends_at"] = end_of_day(day)
        elif until and until.endswith("d"):
            found["ends_at"] = end_of_day(timezone.localdate() + timedelta(days=int(until[:-1])))
        return found


def _day(today: date, days: int) -> str:
    end = today + timedelta(days=days)
    return f"until {end.day} {end:%b %Y}"


class ShareForm(EndForm):
    """Everything AddPermission takes, in people's words; the few that are usually needed come first."""

    form_token = forms.CharField(widget=forms.HiddenInput, max_length=64)
    who = forms.CharField(
        label="Who",
        max_length=2048,
        strip=True,
        help_text="An account's name or 12 digits, a role's or user's ARN, an organisation (o-…), an AWS service, or everyone.",
        error_messages={"required": "Say who should get access."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none", "list": "known"}),
    )
    action = forms.ChoiceField(
        label="May", choices=action_choices, initial=INVOKE, error_messages={"invalid_choice": "Choose an action of the list."}
    )
    qualifier = forms.ChoiceField(label="On", required=False)
    reason = forms.CharField(
        label="Reason", max_length=500, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    source_account = forms.CharField(
        label="Source account",
        required=False,
        max_length=40,
        help_text="Only calls that the service makes for this account. 12 digits.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    source_arn = forms.CharField(
        label="Source ARN",
        required=False,
        max_length=1024,
        help_text="Only calls that come from this bucket, topic, rule or alarm.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    event_source_token = forms.CharField(
        label="Event source token",
        required=False,
        max_length=256,
        help_text="A shared secret, such as an Alexa skill id. Shown nowhere else, and forgotten once AWS holds it.",
        widget=forms.PasswordInput(render_value=True, attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    organization = forms.CharField(
        label="Organisation",
        required=False,
        max_length=40,
        help_text="Only while the caller's account belongs to it: o-… (PrincipalOrgID).",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    url_auth_type = forms.ChoiceField(
        label="Function URL's auth type",
        required=False,
        choices=(("", "Not limited"), ("AWS_IAM", "AWS_IAM: signed calls"), ("NONE", "NONE: anyone on the internet")),
        help_text="FunctionUrlAuthType, for calling the function's URL.",
    )
    via_url = forms.BooleanField(
        label="Only through the function's URL", required=False, help_text="InvokedViaFunctionUrl, for the invoke action."
    )
    sid = forms.CharField(
        label="Statement id",
        required=False,
        max_length=400,
        help_text="The Sid that AWS keeps. Left empty, fnshare makes one.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    FOR_SERVICES = ("source_account", "source_arn", "event_source_token")
    FOR_URLS = ("url_auth_type", "via_url")
    LIMITS = (*FOR_SERVICES, "organization", *FOR_URLS, "sid")

    def __init__(self, *args: Any, places: Iterable[tuple[str, str]] = (("", "The function itself"),), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self.fields["qualifier"], places)
        self.order_fields(("form_token", "who", "action", "qualifier", "until", "until_date", "reason", *self.LIMITS))

    @staticmethod
    def fresh_token() -> str:
        """A token for one form: the same form sent twice makes one grant."""
        return uuid.uuid4().hex

    def renew(self) -> None:
        """Make it another form: what was sent with the old token is a grant already."""
        self.data = {**self.data, "form_token": self.fresh_token()}
        self.cleaned_data["form_token"] = self.data["form_token"]

    @property
    def limited(self) -> bool:
        """Whether any of the rarer fields holds something or is wrong: they are shown open then."""
        if not self.is_bound:
            return any(self.initial.get(name) for name in self.LIMITS)
        return any(self.data.get(self.add_prefix(name)) or self.errors.get(name) for name in self.LIMITS)


class ReasonForm(forms.Form):
    """Why: kept in the history. `anyway` confirms what the page has shown."""

    reason = forms.CharField(
        label="Reason", max_length=500, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)


class ExtendForm(EndForm):
    """Another end date for a grant."""

    reason = forms.CharField(
        label="Reason", max_length=500, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class CheckForm(forms.Form):
    """As whom to try, and through which form of the function."""

    as_ = forms.CharField(
        label="Try as",
        max_length=2048,
        error_messages={"required": "Say as whom to try."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    qualifier = forms.ChoiceField(label="On", required=False)

    def __init__(self, *args: Any, places: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self.fields["qualifier"], places)


class UndoForm(EndForm):
    """What undoing needs to be told again: a secret that was not kept, a role whose name may be another's now, a new end."""

    form_token = forms.CharField(widget=forms.HiddenInput, max_length=64)
    confirm_role = forms.BooleanField(required=False, label="I checked it: this role or user is still the one that is meant.")
    event_source_token = forms.CharField(
        label="Event source token",
        required=False,
        max_length=256,
        widget=forms.PasswordInput(render_value=True, attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["until"].required = False  # left out: the end date it had

    @property
    def new_end(self) -> bool:
        """Whether another end date was chosen."""
        return bool(self.cleaned_data.get("until"))


class RestoreForm(forms.Form):
    """Several grants that vanished together: which are written again, and the secrets that were not kept.

    Beside the fixed fields each grant has `grant-<id>` (a checkbox) and may have `token-<id>`; the view reads those.
    """

    form_token = forms.CharField(widget=forms.HiddenInput, max_length=64)
    confirm_roles = forms.BooleanField(
        required=False, label="I checked them: these roles and users are still the ones that are meant."
    )


def offer(field: forms.Field, choices: Iterable[tuple[str, str]]) -> None:
    """Give a choice field of aliases and versions what this function has."""
    if not isinstance(field, forms.ChoiceField):
        raise TypeError("Only a field of choices can offer some.")
    field.choices = list(choices)
    field.error_messages["invalid_choice"] = (
        "The function has no such alias or version any more. Re-read it, or choose another."
    )
