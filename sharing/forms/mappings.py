"""What people type about event source mappings. What it means, and what AWS would refuse, is decided by services.mapping."""

from __future__ import annotations

import json
import uuid
from datetime import UTC
from typing import Any

from django import forms

from sharing.models.mapping import filters_of
from sharing.policy.wiring import MappingOptions

_TEXT = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
#: Beyond this AWS takes nothing anywhere; what is allowed is said by MappingOptions.
_MOST = 10_000_000
_FILTERS_AT_MOST = 20_000
_DEEPEST = 30

_NUMBERS = {
    "batch_size": "BatchSize",
    "window": "MaximumBatchingWindowInSeconds",
    "parallelization_factor": "ParallelizationFactor",
    "maximum_record_age": "MaximumRecordAgeInSeconds",
    "maximum_retries": "MaximumRetryAttempts",
}
#: Only of queues, only of streams.
_QUEUES = ("maximum_concurrency",)
_STREAMS = ("parallelization_factor", "maximum_record_age", "maximum_retries", "bisect_on_error", "on_failure")
_START = ("starting_position", "starting_timestamp")


def _number(label: str, hint: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=-1, max_value=_MOST, help_text=hint)


def _depth_of(text: str) -> int:
    """How deep brackets are nested, those in texts included: what is deeper is no pattern, and too deep to be read."""
    depth = deepest = 0
    for char in text:
        depth += (char in "[{") - (char in "]}")
        deepest = max(deepest, depth)
    return deepest


class OptionsForm(forms.Form):
    """The options of a mapping. An empty field leaves it to AWS."""

    form_token = forms.CharField(widget=forms.HiddenInput, max_length=64)
    batch_size = _number("Batch", "Records handed over at once, at most. AWS takes 10 of a queue and 100 of a stream.")
    window = _number("Batch window", "Seconds to wait for a batch to fill, 0 to 300. More than 10 records need at least 1.")
    filters = forms.CharField(
        label="Filters",
        required=False,
        max_length=_FILTERS_AT_MOST,
        help_text='One JSON pattern a line, such as {"body": {"kind": ["order"]}}. What fits none is thrown away.',
        widget=forms.Textarea(attrs={**_TEXT, "rows": 2}),
    )
    maximum_concurrency = _number("Concurrency", "How many may run at the same time for this queue, 2 to 1,000.")
    parallelization_factor = _number("Batches per shard", "Handed over at the same time, 1 to 10.")
    maximum_record_age = _number("Skip records older than", "Seconds, 60 to 604,800; -1: never.")
    maximum_retries = _number("Try again", "Times a failing batch is tried again, up to 10,000; -1: until it is too old.")
    bisect_on_error = forms.BooleanField(label="Split a failing batch in two", required=False)
    on_failure = forms.CharField(
        label="What fails goes to",
        required=False,
        max_length=1024,
        help_text="ARN of a queue or topic that the function's execution role may write to.",
        widget=forms.TextInput(attrs=_TEXT),
    )
    report_item_failures = forms.BooleanField(label="The function names the records that failed", required=False)

    @staticmethod
    def fresh_token() -> str:
        """A token for one form: the same form sent twice makes one change."""
        return uuid.uuid4().hex

    def renew(self) -> None:
        """Make it another form: what was sent with the old token is a change already."""
        self.data = {**self.data, "form_token": self.fresh_token()}

    @property
    def options_given(self) -> bool:
        """Whether any option holds something or is wrong: they are shown open then."""
        names = [name for name in self.fields if name in _OPTIONS]
        return self.is_bound and any(self.data.get(name) or self.errors.get(name) for name in names)

    def only_for(self, kind: str) -> None:
        """Take away what this kind of source does not have."""
        for name in (*_STREAMS, *_START) if kind == "sqs" else _QUEUES:
            self.fields.pop(name, None)

    def clean_filters(self) -> tuple[str, ...]:
        """A pattern a line; one pattern over several lines is taken as one."""
        text = self.cleaned_data["filters"].strip()
        if _depth_of(text) > _DEEPEST:
            raise forms.ValidationError(f"A pattern may be {_DEEPEST} levels deep at most.")
        if not text:
            return ()
        try:
            json.loads(text)
        except ValueError:
            return tuple(line.strip() for line in text.splitlines() if line.strip())
        return (text,)

    def options(self) -> MappingOptions:
        """What was chosen. The form must be valid."""
        given = self.cleaned_data
        at = given.get("starting_timestamp")
        return MappingOptions(
            batch_size=given.get("batch_size"),
            window=given.get("window"),
            filters=given.get("filters") or (),
            starting_position=given.get("starting_position") or None,
            starting_timestamp=at.replace(tzinfo=UTC).timestamp() if at else None,
            maximum_concurrency=given.get("maximum_concurrency"),
            parallelization_factor=given.get("parallelization_factor"),
            maximum_record_age=given.get("maximum_record_age"),
            maximum_retries=given.get("maximum_retries"),
            bisect_on_error=given.get("bisect_on_error") or None,
            on_failure=given.get("on_failure") or None,
            report_item_failures=bool(given.get("report_item_failures")),
        )

    @classmethod
    def values_of(cls, options: dict[str, Any]) -> dict[str, Any]:
        """A mapping's options as the form's values."""
        return {
            **{name: options.get(key) for name, key in _NUMBERS.items()},
            "filters": "\n".join(" ".join(one.split("\n")) for one in filters_of(options)),
            "maximum_concurrency": (options.get("ScalingConfig") or {}).get("MaximumConcurrency"),
            "bisect_on_error": bool(options.get("BisectBatchOnFunctionError")),
            "on_failure": ((options.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", ""),
            "report_item_failures": "ReportBatchItemFailures" in (options.get("FunctionResponseTypes") or ()),
        }


_OPTIONS = tuple(name for name in OptionsForm.base_fields if name != "form_token")


class NewMappingForm(OptionsForm):
    """A source, and what is to run."""

    source = forms.CharField(
        label="Source",
        max_length=1024,
        help_text="ARN of an SQS queue, a Kinesis stream or a DynamoDB stream, in any account.",
        error_messages={"required": "Give the ARN of the source."},
        widget=forms.TextInput(attrs=_TEXT),
    )
    qualifier = forms.ChoiceField(label="Runs", required=False, error_messages={"invalid_choice": "Choose one of the list."})
    starting_position = forms.ChoiceField(
        label="Start",
        required=False,
        choices=(
            ("", "Only for streams"),
            ("LATEST", "LATEST: what arrives from now on"),
            ("TRIM_HORIZON", "TRIM_HORIZON: from the oldest record it holds"),
            ("AT_TIMESTAMP", "AT_TIMESTAMP: from a moment on (Kinesis only)"),
        ),
        help_text="A stream needs one; a queue has none. It cannot be changed later.",
    )
    starting_timestamp = forms.DateTimeField(
        label="From this moment on",
        required=False,
        help_text="UTC.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    execution_role = forms.CharField(
        label="Execution role of the function",
        required=False,
        max_length=2048,
        help_text="Its ARN, for statements that let it read the source. It was not read; without it, others fill it in.",
        widget=forms.TextInput(attrs=_TEXT),
    )

    def __init__(self, *args: Any, qualifiers: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["qualifier"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above
        field.choices = [("", "The function itself ($LATEST)"), *qualifiers]

    def clean_starting_timestamp(self) -> Any:
        """Within what a computer can count."""
        at = self.cleaned_data["starting_timestamp"]
        if at is not None and not 2000 <= at.year <= 2200:
            raise forms.ValidationError("Give a moment of these years.")
        return at

    def clean_execution_role(self) -> str:
        """The ARN of a role, or nothing."""
        text: str = self.cleaned_data["execution_role"].strip()
        if text and not (text.startswith("arn:") and ":iam::" in text and ":role/" in text and text.isprintable()):
            raise forms.ValidationError("That is no ARN of a role, such as arn:aws:iam::111122223333:role/name.")
        return text


class TokenForm(forms.Form):
    """Nothing but the token of a question."""

    form_token = forms.CharField(widget=forms.HiddenInput, max_length=64)
