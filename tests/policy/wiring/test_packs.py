"""What is handed over: calls AWS knows, files that parse, names that stay names, documents that keep what they have."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from awscli.customizations.argrename import ARGUMENT_RENAMES
from botocore import xform_name
from botocore.validate import ParamValidator

from sharing.policy import FunctionArn
from sharing.policy.arn import partition_of_region
from sharing.policy.calls import words_of
from sharing.policy.wiring import SOURCES, Plan, Side, plan
from sharing.policy.wiring.packs import FILL_IN, Pack, Section, alarms, left_to_do, pack, statements
from sharing.policy.wiring.packs.calling import command
from sharing.policy.wiring.packs.doing import done
from sharing.policy.wiring.packs.settling import Stop, plain, settle
from sharing.policy.wiring.packs.shapes import Act, Lookup, Request
from tests.policy.wiring.test_planner import ACROSS, BUCKET, FUNCTION, OWNER, QUEUE, ROLE, STREAM, THEIRS, TOPIC, arn, planned

STREAMS = (("kinesis", "stream/theirs"), ("dynamodb", "table/theirs/stream/2026-01-01T00:00:00.000"))
CASES = [(source, more) for source, more, *_ in ACROSS]
IDS = [f"{place}-{source.split(':')[2] if ':' in source else 'alexa'}" for place, (source, _) in enumerate(CASES)]
#: What no value may do to the language it stands in.
HOSTILE = "it's \"x\" $(touch hurt) `touch hurt`\n; touch hurt #${HOME}%{if}\\'''\nPY\ntouch hurt\n</script>\u2028é"


@lru_cache
def api(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def requests(found: Plan) -> Iterator[Request]:
    """Every call of every step, taking back and reading included, with what scripts put in themselves."""
    for step in found.steps:
        for deed in done(found, step).deeds:
            if isinstance(deed, Act):
                for one in (*deed.do, *deed.undo):
                    if isinstance(one, Lookup):
                        yield one.listing
                        yield Request(one.then.service, one.then.operation, {one.parameter: "f" * 36})
                    else:
                        yield one
                continue
            yield deed.read
            given = {"NotificationConfiguration": {"LambdaFunctionConfigurations": [deed.entry]}}.get(deed.slot, "{}")
            slot: dict[str, Any] = {deed.slot: {"Policy": "{}"} if deed.slot == "Attributes" else given}
            if deed.rule == "alarm":
                slot = {"AlarmName": "x", "AlarmActions": [deed.entry], "EvaluationPeriods": 1, "ComparisonOperator": "x"}
            lock = {deed.lock: "x"} if deed.lock else {}
            yield Request(deed.write.service, deed.write.operation, {**deed.write.parameters, **slot, **lock})
            if deed.erase is not None:
                yield Request(deed.erase.service, deed.erase.operation, {**deed.erase.parameters, **lock})


def options_of(service: str, operation: str) -> Iterator[str]:
    """What the AWS CLI calls the parameters of a call, without the dashes."""
    for name, shape in api(service).operation_model(operation).input_shape.members.items():
        option = xform_name(name, "-")
        found = ARGUMENT_RENAMES.get(f"{service}.{xform_name(operation, '-')}.{option}", option)
        yield from (found, f"no-{found}") if shape.type_name == "boolean" else (found,)


def sections(found: Pack, language: str) -> list[Section]:
    return [one for one in found.sections if one.language == language]


@pytest.mark.parametrize(("source", "more"), CASES, ids=IDS)
def test_every_call_is_one_that_aws_knows(source: str, more: dict[str, Any]) -> None:
    asked = list(requests(planned(source, **more)))
    assert bool(asked) is ("kafka" not in source), "of Kafka the packs speak in words alone"
    for request in asked:
        operation = api(request.service).operation_model(request.operation)
        assert operation.input_shape is not None
        report = ParamValidator().validate(dict(request.parameters), operation.input_shape)
        assert report.generate_report() == "", request
        assert words_of(request.operation, "_") == xform_name(request.operation)
        options = set(options_of(request.service, request.operation))
        for word in command(request)[2:]:
            if word.startswith("--"):
                assert word[2:] in options, request
        if request.count:
            assert request.count in operation.output_shape.members


@pytest.mark.parametrize(("source", "more"), CASES, ids=IDS)
def test_every_file_parses(source: str, more: dict[str, Any]) -> None:
    found = pack(planned(source, lets_in=False, **more), names={THEIRS: HOSTILE})
    assert found.told
    assert len({one.filename for one in found.sections}) == len(found.sections)
    for one in sections(found, "sh"):
        checked = subprocess.run(["bash", "-n"], input=one.text, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, ""), one.filename
        for embedded in re.findall(r"<<'PY'\n(.*?)\nPY\n", one.text, re.DOTALL):
            ast.parse(embedded, feature_version=(3, 9))
    for one in sections(found, "python"):
        ast.parse(one.text, feature_version=(3, 9))
        assert "slots=" not in one.text  # Python 3.10
    for one in sections(found, "yaml"):
        assert all(yaml.safe_load_all(one.text))
    for one in sections(found, "hcl"):
        bare = re.sub(r"^#.*$", "", re.sub(r'"(?:[^"\\]|\\.)*"', "", one.text), flags=re.MULTILINE)
        for opens, closes in ("{}", "[]", "()"):
            assert bare.count(opens) == bare.count(closes)
        assert "'" not in bare
    assert all(text in FILL_IN for text in found.fill_in)
    assert found.as_text().count("```") == 2 * len(found.sections)


def test_every_kind_says_what_is_left_to_do_at_the_source() -> None:
    told = {kind.key: left_to_do(FunctionArn.parse(FUNCTION), kind.principal) for kind in SOURCES.values() if kind.principal}
    for key, found in told.items():
        assert found is not None
        assert found.kind == key
        assert found.wires or found.lines, key
        assert bool(found.unverified) is ("unverified" in (SOURCES[key].accounts, SOURCES[key].regions)), key
    assert left_to_do(FunctionArn.parse(FUNCTION), "nobody.amazonaws.com") is None


def test_a_command_takes_nothing_else_away() -> None:
    """Where the API replaces the whole, there is none."""
    function = FunctionArn.parse(FUNCTION)
    for service in ("cognito-idp", "codecommit"):
        found = left_to_do(function, f"{service}.amazonaws.com")
        assert found is not None
        assert found.commands == ()
    api_gateway = left_to_do(function, "apigateway.amazonaws.com", source=arn("execute-api", "abc123/prod/POST/orders"))
    assert api_gateway is not None
    assert "--rest-api-id abc123" in api_gateway.commands[0]
    assert f"functions/{FUNCTION}/invocations" in api_gateway.commands[0]


def test_a_part_that_owns_the_whole_is_no_resource_of_its_own() -> None:
    """Applied as it is, it would take away what the bucket has."""
    found = pack(planned(BUCKET, source_account=THEIRS, prefix="in/", events=("s3:ObjectCreated:*", "s3:ObjectRemoved:*")))
    assert [one.tool for one in found.sections] == ["cli", "boto3", "cloudformation", "terraform"]
    template, terraform = found.sections[2:]
    (held,) = yaml.safe_load_all(template.text)
    assert [one["Event"] for one in held["LambdaConfigurations"]] == ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    assert "owns the whole configuration" in template.text
    assert "owns the whole configuration" in terraform.text
    assert "resource" not in re.sub(r"^#.*$", "", terraform.text, flags=re.MULTILINE)


def test_each_side_gets_its_own_files() -> None:
    found = planned(QUEUE)
    whole, theirs = pack(found), pack(found, side=Side.SOURCE)
    assert {(one.side, one.account) for one in whole.sections} == {(Side.OWNER, OWNER), (Side.SOURCE, THEIRS)}
    assert {one.account for one in theirs.sections} == {THEIRS}
    assert any("Create the event source mapping" in one for one in theirs.before)
    assert pack(planned(TOPIC, source_roles=[THEIRS])).as_text().endswith("Nothing is left to do on this side.\n")


def test_a_topic_elsewhere_is_subscribed_to_in_its_own_region() -> None:
    found = pack(planned(arn("sns", "t", region="eu-west-1"), lets_in=False, owner_subscribes=True))
    regions = {one.filename: re.search(r"^REGION = '(.*)'$", one.text, re.MULTILINE) for one in sections(found, "python")}
    assert {name: match and match[1] for name, match in regions.items()} == {
        "owner-us-east-1-wire.py": "us-east-1",
        "source-wire.py": "eu-west-1",
        "owner-eu-west-1-wire.py": "eu-west-1",
    }


#: Stands in for the AWS CLI: notes its words, keeps what is put and answers what it is told to.
FAKE = """#!{python}
import json, os, sys
with open("said", "a") as said:
    said.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "sts":
    print(os.environ["ACCOUNT"])
elif sys.argv[2] in ("describe-alarms", "get-bucket-notification-configuration"):
    print(open("held").read() if os.path.exists("held") else os.environ["ANSWER"])
elif sys.argv[2] == "put-bucket-notification-configuration":
    open("held", "w").write(sys.argv[sys.argv.index("--notification-configuration") + 1])
"""


def run(script: str, folder: Path, *words: str, answer: str = "{}", account: str = THEIRS) -> tuple[int, str, list[list[str]]]:
    (folder / "aws").write_text(FAKE.format(python=sys.executable))
    (folder / "aws").chmod(0o755)
    (folder / "said").write_text("")
    environment = {"PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}", "ANSWER": answer, "ACCOUNT": account}
    done_ = subprocess.run(
        ["bash", "-s", "--", *words], input=script, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    said = [json.loads(line) for line in (folder / "said").read_text().splitlines()]
    return done_.returncode, done_.stdout + done_.stderr, said


def test_a_hostile_name_stays_a_name_in_the_shell(tmp_path: Path) -> None:
    hostile = HOSTILE.replace("\u2028é", "")
    alarm = {"AlarmName": hostile, "AlarmActions": [], "AlarmArn": "x", "EvaluationPeriods": 1}
    script = sections(pack(planned(arn("cloudwatch", f"alarm:{hostile}"))), "sh")[0].text
    code, out, said = run(script, tmp_path, "--show", answer=json.dumps({"MetricAlarms": [alarm]}))
    assert code == 0, out
    (asked,) = (words for words in said if "describe-alarms" in words)
    assert json.loads(asked[asked.index("--alarm-names") + 1]) == [hostile]
    script = sections(pack(planned(BUCKET, source_account=THEIRS, prefix=HOSTILE)), "sh")[0].text
    code, out, said = run(script, tmp_path)
    assert code == 0, out
    put = next(words for words in said if "put-bucket-notification-configuration" in words)
    (entry,) = json.loads(put[put.index("--notification-configuration") + 1])["LambdaFunctionConfigurations"]
    assert entry["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": HOSTILE}]
    assert not (tmp_path / "hurt").exists()


def test_a_script_acts_in_its_own_account_only_and_not_before_it_is_filled_in(tmp_path: Path) -> None:
    found = pack(planned(QUEUE))
    assert found.fill_in == ("<EXECUTION ROLE ARN>", "<EXECUTION ROLE NAME>")
    for one, words in zip(sections(found, "sh"), ("<EXECUTION ROLE NAME>", "<EXECUTION ROLE ARN>"), strict=True):
        code, out, said = run(one.text, tmp_path)
        assert (code, said) == (2, [])
        assert f"Put in {words} first" in out
    filled = sections(pack(planned(QUEUE, execution_role=ROLE), side=Side.SOURCE), "sh")[0].text
    code, out, said = run(filled, tmp_path, account="999988887777")
    assert (code, len(said)) == (1, 1)
    assert "credentials of account 999988887777" in out


def test_the_alarm_keeps_every_setting_that_aws_tells() -> None:
    model = api("cloudwatch")
    put = {name for of in ("PutMetricAlarm", "PutCompositeAlarm") for name in model.operation_model(of).input_shape.members}
    told = {name for of in ("MetricAlarm", "CompositeAlarm") for name in model.shape_for(of).members}
    assert told & put == alarms.TAKEN
    assert told - put == alarms.TOLD
    assert put - told == {"Tags"}  # putting an alarm that is there leaves its tags
    assert model.shape_for("ResourceList").metadata["max"] == alarms.MOST_ACTIONS
    held = {"AlarmName": "a", "AlarmActions": ["b"], "StateValue": "OK"}
    assert alarms.with_action(alarms.alarm_in({"MetricAlarms": [held]}), "f") == {"AlarmName": "a", "AlarmActions": ["b", "f"]}
    assert alarms.without_action({"AlarmActions": ["b", "f"]}, "f") == {"AlarmActions": ["b"]}
    for answer in ({}, {"MetricAlarms": [{"AlarmName": "a", "NewSetting": 1}]}):
        with pytest.raises(Stop):
            alarms.alarm_in(answer)
    with pytest.raises(Stop, match="as many as AWS takes"):
        alarms.with_action({"AlarmActions": list("abcde")}, "f")


def test_a_policy_keeps_its_other_statements() -> None:
    ours = {"Sid": "ours", "Effect": "Allow", "Action": ["sqs:ReceiveMessage"]}
    theirs = {"Sid": "theirs", "Effect": "Deny", "Action": "SQS:*"}
    assert statements.with_statement({}, ours) == {"Version": "2012-10-17", "Statement": [ours]}
    held = {"Version": "2008-10-17", "Id": "x", "Statement": theirs}
    both = statements.with_statement(held, ours)
    assert both == {"Version": "2008-10-17", "Id": "x", "Statement": [theirs, ours]}
    assert statements.without_statement(both, "ours") == {**held, "Statement": [theirs]}
    assert statements.without_statement(held, "ours") is held
    assert statements.without_statement({"Statement": [ours]}, "ours") == {}
    stored = {"Statement": [{**ours, "Action": "SQS:ReceiveMessage"}]}
    assert statements.with_statement(stored, ours) is stored  # AWS writes it in its own way
    assert statements.policy_in({"Attributes": {"Policy": '{"a": 1}'}}) == {"a": 1}
    assert statements.policy_in({"Policy": ""}) == {}


class Held:
    """A document somewhere, which somebody else may change before a read."""

    def __init__(self, document: Any, *others: Any) -> None:
        self.document = document
        self.others = list(others)
        self.writes = 0

    def read(self) -> Any:
        found = self.document
        if self.others:
            self.document = self.others.pop(0)
        return found

    def write(self, document: Any) -> None:
        self.writes += 1
        self.document = document


def settled(held: Held, **more: Any) -> str:
    said: list[str] = []
    settle("It", held.read, lambda found: {**found, "b": 1}, held.write, say=said.append, wait=lambda _: None, **more)
    return "\n".join(said)


def test_nothing_is_written_over_what_somebody_else_wrote_in_between() -> None:
    held = Held({"a": 1}, {"a": 2})
    with pytest.raises(Stop, match="somebody changed it in between, and nothing was written"):
        settled(held)
    assert (held.document, held.writes) == ({"a": 2}, 0)


def test_a_change_is_shown_written_once_and_read_again() -> None:
    held = Held({"a": 1})
    assert '+  "b": 1' in settled(held, show=True)
    assert held.writes == 0
    assert settled(held).endswith("It: done.")
    assert settled(held) == "It: it is so already."
    assert (held.document, held.writes) == ({"a": 1, "b": 1}, 1)


def test_what_reads_differently_after_it_was_written_is_said() -> None:
    held = Held({"a": 1})
    held.write = lambda document: None  # type: ignore[method-assign]
    with pytest.raises(Stop, match="reads differently now"):
        settled(held)


def test_documents_are_compared_as_aws_means_them() -> None:
    rules = [{"Name": "Prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".png"}]
    assert plain({"FilterRules": rules}) == plain({"FilterRules": [rules[1], {**rules[0], "Name": "prefix"}], "x": None})
    assert plain({"EventBridgeConfiguration": {}}) != plain({})  # an empty one means that it is on
    assert plain({"Action": ["a:B"]}) == plain({"Action": "A:b"})
    assert plain({"Value": "A"}) != plain({"Value": "a"})


def test_general_words_for_a_kind_name_what_is_to_be_put_in() -> None:
    for key, kind in SOURCES.items():
        found = plan(FUNCTION, key, source_account=THEIRS if key == "s3" else "", lets_in=False)
        if not isinstance(found, Plan):
            assert key in ("kinesis", "dynamodb")  # a stream needs a starting position
            continue
        made = pack(found)
        assert "<ROLE ARN IN THE" not in made.as_text()
        assert len({one.filename for one in made.sections}) == len(made.sections), key
        assert ("<ROLE ARN>" in made.fill_in) is (kind.style.value == "role"), key


def test_a_queue_in_china_has_its_own_domain_and_each_service_its_own_spelling() -> None:
    function, source = "arn:aws-cn:lambda:cn-north-1:444455556666:function:f", f"arn:aws-cn:sqs:cn-north-1:{THEIRS}:q"
    found = plan(function, source)
    assert isinstance(found, Plan)
    assert found.steps[1].parameters["QueueUrl"] == f"https://sqs.cn-north-1.amazonaws.com.cn/{THEIRS}/q"
    policies = [planned(arn(*of), **STREAM).steps[1].parameters for of in STREAMS]
    assert [name for each in policies for name in each if name.startswith("Resource")] == ["ResourceARN", "ResourceArn"]


@pytest.mark.parametrize("region", ["us-iso-east-1", "us-isob-east-1", "eusc-de-east-1", "us-gov-west-1", "eu-west-1"])
def test_a_queue_is_where_boto_would_look_for_it(region: str) -> None:
    partition = partition_of_region(region)
    found = plan(f"arn:{partition}:lambda:{region}:{OWNER}:function:f", f"arn:{partition}:sqs:{region}:{THEIRS}:q")
    assert isinstance(found, Plan)
    client = botocore.session.get_session().create_client("sqs", region, aws_access_key_id="x", aws_secret_access_key="x")
    assert found.steps[1].parameters["QueueUrl"] == f"{client.meta.endpoint_url}/{THEIRS}/q"


def test_a_stream_policy_is_put_at_the_revision_that_was_read() -> None:
    for of, locked in zip(STREAMS, (False, True), strict=True):
        sections = pack(planned(arn(*of), **STREAM), side=Side.SOURCE).sections[:2]
        assert ["revision[0]" in one.text for one in sections] == [locked, locked]
