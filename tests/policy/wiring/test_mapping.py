"""A mapping's parameters: what AWS would refuse is said before, in the words of the field."""

from typing import Any

import pytest

from sharing.policy.wiring import MappingOptions

LATEST = {"starting_position": "LATEST"}


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        ("sqs", {}, ""),
        ("sqs", {"batch_size": 10}, ""),
        ("sqs", {"batch_size": 11}, "window"),
        ("sqs", {"batch_size": 11, "window": 0}, "window"),
        ("sqs", {"batch_size": 10_000, "window": 1}, ""),
        ("sqs", {"batch_size": 10_001, "window": 1}, "batch_size"),
        ("sqs", {"batch_size": 0}, "batch_size"),
        ("sqs", {"window": 301}, "window"),
        ("sqs", {"maximum_concurrency": 1}, "maximum_concurrency"),
        ("sqs", {"maximum_concurrency": 2}, ""),
        ("sqs", {"starting_position": "LATEST"}, "starting_position"),
        ("sqs", {"maximum_retries": 3}, "maximum_retries"),
        ("sqs", {"on_failure": "arn:aws:sqs:us-east-1:444455556666:dead"}, "on_failure"),
        ("kinesis", {}, "starting_position"),
        ("kinesis", LATEST, ""),
        ("kinesis", {"starting_position": "AT_TIMESTAMP"}, "starting_timestamp"),
        ("kinesis", {"starting_position": "AT_TIMESTAMP", "starting_timestamp": 100.0}, ""),
        ("kinesis", {"starting_position": "AT_TIMESTAMP", "starting_timestamp": 2000.0}, "starting_timestamp"),
        ("dynamodb", {"starting_position": "AT_TIMESTAMP", "starting_timestamp": 100.0}, "starting_position"),
        ("kinesis", {**LATEST, "maximum_concurrency": 5}, "maximum_concurrency"),
        ("kinesis", {**LATEST, "parallelization_factor": 11}, "parallelization_factor"),
        ("kinesis", {**LATEST, "maximum_record_age": 59}, "maximum_record_age"),
        ("kinesis", {**LATEST, "maximum_record_age": -1, "maximum_retries": -1}, ""),
        ("kinesis", {**LATEST, "maximum_retries": 10_001}, "maximum_retries"),
        ("sqs", {"filters": ("{",)}, "filters"),
        ("sqs", {"filters": ("[]",)}, "filters"),
        ("sqs", {"filters": ('{"body": "x"}',)}, "filters"),
        ("sqs", {"filters": ('{"body": {"kind": ["order"]}}',)}, ""),
    ],
)
def test_each_limit(kind: str, given: dict[str, Any], field: str) -> None:
    problems = MappingOptions(**given).problems(kind, now=1000.0)
    assert [one.field for one in problems] == ([field] if field else [])
    assert all(one.message and one.next for one in problems)


def test_a_fifo_queue_gives_ten() -> None:
    assert [one.field for one in MappingOptions(batch_size=11).problems("sqs", fifo=True)] == ["batch_size"]


def test_the_request_holds_what_was_chosen_and_nothing_else() -> None:
    assert MappingOptions().parameters() == {"Enabled": True}
    whole = MappingOptions(
        enabled=False, batch_size=5, filters=('{"a": [1]}',), maximum_concurrency=3, report_item_failures=True
    )
    assert whole.parameters() == {
        "Enabled": False,
        "BatchSize": 5,
        "FilterCriteria": {"Filters": [{"Pattern": '{"a": [1]}'}]},
        "ScalingConfig": {"MaximumConcurrency": 3},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
