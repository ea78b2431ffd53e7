"""Which findings one wants to see, and what accepting a risk needs to be told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone

from sharing.models import User, Weight

from .choices import LongSelect
from .share import end_of_day

STATUSES = (("open", "Open"), ("accepted", "Accepted"), ("closed", "Closed"), ("all", "All"))
# Days that every calendar and time zone can hold.
SENSIBLE = (MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2200, 1, 1)))
SHOWN = (("cause", "By cause"), ("rule", "By rule"), ("finding", "One by one"))


class FindingFilter(forms.Form):
    """All optional. `since` decides what counts as new: the last visit where it is left out."""

    q = forms.CharField(max_length=400, required=False, label="Search", widget=forms.TextInput(attrs={"type": "search"}))
    status = forms.ChoiceField(choices=STATUSES, required=False, label="Status", widget=LongSelect)
    severity = forms.ChoiceField(
        choices=(("", "Any"), *((weight.value, weight.label) for weight in sorted(Weight, reverse=True))),
        required=False,
        label="Severity",
        widget=LongSelect,
    )
    rule = forms.ChoiceField(required=False, label="Rule", widget=LongSelect)
    account = forms.CharField(max_length=80, required=False, label="Account")
    since = forms.DateField(
        required=False, label="New since", validators=SENSIBLE, widget=forms.DateInput(attrs={"type": "date"})
    )
    by = forms.ChoiceField(choices=SHOWN, required=False, label="Show", widget=LongSelect)
    owner = forms.CharField(max_length=254, required=False, widget=forms.HiddenInput)
    cause = forms.CharField(max_length=300, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, rules: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["rule"]
        assert isinstance(chosen, forms.ChoiceField)  # noqa: S101  # narrows the type of a field declared above
        chosen.choices = [("", "Any"), *rules]


class OwnerForm(forms.Form):
    """Whose it is."""

    owner: forms.ModelChoiceField[User] = forms.ModelChoiceField(
        queryset=User.objects.none(), required=False, empty_label="Nobody", label="Give it to"
    )

    def __init__(self, *args: Any, people: Iterable[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["owner"]
        assert isinstance(chosen, forms.ModelChoiceField)  # noqa: S101  # narrows the type of a field declared above
        chosen.queryset = User.objects.filter(pk__in=[person.pk for person in people]).order_by("name", "email")


class AcceptForm(OwnerForm):
    """Why the risk is borne, by whom, until when."""

    reason = forms.CharField(
        label="Reason",
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Say why the risk can be borne."},
    )
    until = forms.DateField(
        label="Until the end of",
        validators=SENSIBLE,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="A year ahead at most; then the finding returns.",
        error_messages={
            "required": "Choose a day, at most a year ahead.",
            "invalid": "Write the date as year-month-day, such as 2027-02-21.",
        },
    )
    field_order = ("reason", "owner", "until")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        today = timezone.localdate()
        owner = self.fields["owner"]
        owner.label, owner.required = "Who bears it", True
        owner.error_messages["required"] = "Choose who bears the risk."
        if isinstance(owner, forms.ModelChoiceField):
            owner.empty_label = "Choose a person"
        self.fields["until"].widget.attrs |= {"min": today.isoformat(), "max": (today + timedelta(days=365)).isoformat()}
        self.fields["until"].initial = today + timedelta(days=90)

    @property
    def ends_at(self) -> datetime | None:
        """The last second of the chosen day in the reader's time zone."""
        day = self.cleaned_data.get("until")
        return end_of_day(day) if day else None


class NarrowForm(forms.Form):
    """On whose behalf the service may go on calling."""

    source_account = forms.CharField(
        label="Source account",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    source_arn = forms.CharField(
        label="Source ARN",
        required=False,
        max_length=1024,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
