"""What people type to wire a source to a function. What it means, and whether it can be, is decided by services.wiring."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from django import forms

from sharing.models import Account
from sharing.policy.arn import is_account_id, is_region, unspaced
from sharing.policy.wiring import SOURCES, SourceKind, Style, recognise

from .mappings import NewMappingForm

_TEXT = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)

#: S3's event types that are worth a function (its documentation of event notifications); the wide ones first.
EVENTS: Final = (
    ("s3:ObjectCreated:*", "Objects are created, in any way"),
    ("s3:ObjectCreated:Put", "… by a single upload (Put)"),
    ("s3:ObjectCreated:Post", "… by a form (Post)"),
    ("s3:ObjectCreated:Copy", "… by a copy"),
    ("s3:ObjectCreated:CompleteMultipartUpload", "… by an upload in parts"),
    ("s3:ObjectRemoved:*", "Objects are deleted, in any way"),
    ("s3:ObjectRemoved:Delete", "… for good"),
    ("s3:ObjectRemoved:DeleteMarkerCreated", "… by a delete marker"),
    ("s3:ObjectRestore:*", "Objects are restored from an archive"),
    ("s3:ObjectTagging:*", "Tags are put or deleted"),
    ("s3:ObjectAcl:Put", "An object's access list is changed"),
    ("s3:LifecycleExpiration:*", "A lifecycle rule deletes objects"),
    ("s3:LifecycleTransition", "A lifecycle rule moves objects to another class"),
    ("s3:IntelligentTiering", "Intelligent-Tiering archives objects"),
    ("s3:Replication:*", "Replication fails or lags"),
    ("s3:ReducedRedundancyLostObject", "A reduced-redundancy object is lost"),
)
_ALWAYS = ("form_token", "source", "qualifier", "reason")
_POLLED = ("execution_role", "batch_size", "window", "filters", "report_item_failures")
_STREAMED = (
    "starting_position", "starting_timestamp", "parallelization_factor", "maximum_record_age", "maximum_retries",
    "bisect_on_error", "on_failure",
)  # fmt: skip
#: Kind → the fields that it has beside those of every kind.
_OF_KIND: Final = {
    "s3": ("source_account", "source_region", "events", "key_prefix", "key_suffix"),
    "sns": ("owner_subscribes", "filter_policy"),
    "eventbridge": ("caller_role",),
    "sqs": (*_POLLED, "maximum_concurrency"),
    "kinesis": (*_POLLED, *_STREAMED),
    "dynamodb": (*_POLLED, *_STREAMED),
}


def kind_of(source: str) -> SourceKind | None:
    """What a source is by its ARN or skill id; None if nobody can tell."""
    source = source.strip()
    if source.startswith("amzn1.ask.skill."):
        return SOURCES["alexa"]
    parts = source.split(":", 5)
    return recognise(parts[2], parts[5]) if len(parts) == 6 and parts[0] == "arn" else None


class WiringForm(NewMappingForm):
    """A source, what it runs, and the options that its kind has: `WiringForm(..., kind=...)` has no others."""

    source_account = forms.CharField(
        label="Account that owns it",
        required=False,
        max_length=200,
        help_text="Its 12 digits, or the name of an account known here.",
        error_messages={"required": "The ARN of a bucket does not say whose it is: give the account."},
        widget=forms.TextInput(attrs={**_TEXT, "list": "known-accounts"}),
    )
    source_region = forms.CharField(
        label="Region it is in",
        required=False,
        max_length=40,
        help_text="Such as eu-west-1. A bucket's ARN does not say it.",
        widget=forms.TextInput(attrs=_TEXT),
    )
    events = forms.MultipleChoiceField(
        label="The function runs when",
        required=False,
        choices=EVENTS,
        initial=["s3:ObjectCreated:*"],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "Choose among those of the list."},
    )
    key_prefix = forms.CharField(
        label="Only keys that begin with",
        required=False,
        max_length=1024,
        strip=False,
        help_text="Such as uploads/. Empty: every key.",
        widget=forms.TextInput(attrs=_TEXT),
    )
    key_suffix = forms.CharField(
        label="Only keys that end with",
        required=False,
        max_length=1024,
        strip=False,
        help_text="Such as .jpg. Empty: every key.",
        widget=forms.TextInput(attrs=_TEXT),
    )
    owner_subscribes = forms.ChoiceField(
        label="Who subscribes the function",
        required=False,
        choices=(
            ("", "The topic's account: nothing else has to be changed there"),
            ("owner", "The function's account: the topic's policy has to let it"),
        ),
        widget=forms.RadioSelect,
    )
    filter_policy = forms.CharField(
        label="Filter policy",
        required=False,
        max_length=20_000,
        help_text='JSON, such as {"kind": ["order"]}: only messages with these attributes. Empty: every message.',
        widget=forms.Textarea(attrs={**_TEXT, "rows": 2}),
    )
    caller_role = forms.CharField(
        label="Role that calls",
        required=False,
        max_length=2048,
        help_text="ARN of a role in the source's account. Empty: a new one is planned.",
        widget=forms.TextInput(attrs=_TEXT),
    )
    reason = forms.CharField(
        label="Reason", max_length=500, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(
        self,
        *args: Any,
        kind: SourceKind | None,
        crosses: bool = True,
        known: Iterable[Account] = (),
        execution_role: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._known = tuple(known)
        wanted = (*_ALWAYS, *(_OF_KIND.get(kind.key, ()) if kind else ()))
        if kind and kind.style is Style.ROLE:
            wanted = (*wanted, "caller_role")
        if not crosses:  # a rule of one's own account needs no role, a topic of one's own nobody else
            wanted = tuple(name for name in wanted if name != "owner_subscribes")
            wanted = tuple(name for name in wanted if name != "caller_role" or (kind and kind.style is Style.ROLE))
        for name in [name for name in self.fields if name not in wanted]:
            del self.fields[name]
        if "source_account" in self.fields:
            self.fields["source_account"].required = True
        if execution_role and "execution_role" in self.fields:
            self.fields["execution_role"].help_text = f"Empty: {execution_role}, as last read."
        self.fields["source"].help_text = f"Its ARN, such as {kind.example}" if kind and kind.example else "Its ARN."

    @property
    def options_given(self) -> bool:
        """Whether a rarer option of a mapping holds something or is wrong: they are shown open then."""
        rare = [name for name in (*_POLLED, *_STREAMED, "maximum_concurrency") if name in self.fields]
        rare = [name for name in rare if name not in ("starting_position", "execution_role")]
        return self.is_bound and any(self.data.get(name) or self.errors.get(name) for name in rare)

    def clean_source_account(self) -> str:
        """Twelve digits, however they were grouped; a known name becomes its digits."""
        text = str(self.cleaned_data["source_account"]).strip()
        digits = unspaced(text)
        if not text or is_account_id(digits):
            return digits
        named = [one.number for one in self._known if one.name.casefold() == text.casefold()]
        if len(named) != 1:
            raise forms.ValidationError("That is no account id of 12 digits, and no name of one account that is known here.")
        return named[0]

    def clean_source_region(self) -> str:
        """A region's name, or nothing."""
        text = str(self.cleaned_data["source_region"]).strip()
        if text and not is_region(text):
            raise forms.ValidationError("That is no name of a region, such as eu-west-1.")
        return text

    def clean_caller_role(self) -> str:
        """The ARN of a role, or nothing."""
        text = str(self.cleaned_data["caller_role"]).strip()
        if text and not _ROLE.fullmatch(text):
            raise forms.ValidationError("That is no ARN of a role, such as arn:aws:iam::111122223333:role/name.")
        return text

    def wishes(self) -> dict[str, Any]:
        """What was chosen beside the source, as services.wiring.plan takes it. The form must be valid."""
        given = self.cleaned_data
        found = {name: given[name] for name in ("source_account", "source_region") if given.get(name)}
        found |= {name: given[f"key_{name}"] for name in ("prefix", "suffix") if given.get(f"key_{name}")}
        found |= {name: given[name].strip() for name in ("filter_policy", "caller_role", "execution_role") if given.get(name)}
        if given.get("events"):
            found["events"] = tuple(given["events"])
        if given.get("owner_subscribes") == "owner":
            found["owner_subscribes"] = True
        if "batch_size" in self.fields:
            found["mapping"] = self.options()
        return found
