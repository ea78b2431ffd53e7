"""The hand-off pack: right for each action, alias, region and partition, and quoted whatever it holds."""

import ast
import io
import json
import re
import shlex
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name
from botocore.validate import ParamValidator

from sharing.policy import FunctionArn, handing_over
from sharing.policy.actions import ACTIONS, INVOKE, INVOKE_URL
from sharing.policy.calls import FileHere, call_of, words_of
from sharing.policy.handing_over import Snippet, pack

HELLO = FunctionArn.parse("arn:aws:lambda:us-east-1:444455556666:function:hello_world")
LIVE = FunctionArn.parse("arn:aws:lambda:us-east-1:444455556666:function:hello_world:live")
CHINA = FunctionArn.parse("arn:aws-cn:lambda:cn-north-1:444455556666:function:Fn-1_x:7")
CALLED = [name for name in ACTIONS if name != INVOKE_URL]
#: What no value may do to the language it stands in.
HOSTILE = {"it's": '"; rm -rf / #`$(id)`${HOME}%{if}\\', "</script>": "{{ 7 }}\u2028é\U0001f600"}


def part(parts: tuple[Snippet, ...], key: str) -> Snippet:
    return next(one for one in parts if one.key == key)


def words(command: str) -> list[str]:
    return shlex.split(command.replace("\\\n", " "))


@pytest.mark.parametrize("function", [HELLO, LIVE, CHINA])
@pytest.mark.parametrize("action", CALLED)
def test_every_action_is_the_call_that_aws_knows(action: str, function: FunctionArn) -> None:
    call = call_of(action, function)
    service = botocore.session.get_session().get_service_model("lambda")
    operation = service.operation_model(call.operation)
    given = {name: b"zip" if isinstance(value, FileHere) else value for name, value in call.parameters.items()}
    if call.operation == "Invoke":
        given["Payload"] = b"{}"
    assert operation.input_shape is not None
    assert ParamValidator().validate(given, operation.input_shape).generate_report() == ""
    assert call.snake == xform_name(call.operation)
    assert call.kebab == xform_name(call.operation, "-")
    for name in call.parameters:
        assert words_of(name, "-") == xform_name(name, "-")
    assert str(function.unqualified) in json.dumps(given, default=str)


@pytest.mark.parametrize("action", [*CALLED, INVOKE_URL])
@pytest.mark.parametrize("function", [HELLO, LIVE, CHINA])
def test_every_snippet_is_well_formed_and_names_the_region(action: str, function: FunctionArn) -> None:
    parts = pack(function, action)
    python = ast.parse(part(parts, "boto3").text)
    assert function.region in ast.dump(python)
    assert words(part(parts, "curl" if action == INVOKE_URL else "cli").text)
    assert function.region in part(parts, "javascript").text
    policy = json.loads(part(parts, "policy").text)["Statement"]
    assert policy == [
        {
            "Sid": "CallSharedFunction",
            "Effect": "Allow",
            "Action": [INVOKE_URL, INVOKE] if action == INVOKE_URL else action,
            "Resource": str(function if action == INVOKE_URL else call_of(action, function).resource),
        }
    ]


def test_the_identity_policy_names_what_aws_decides_on() -> None:
    """GetAlias has no Qualifier: whoever may call it is asked about the function itself."""
    assert call_of("lambda:GetFunction", LIVE).resource == LIVE
    assert call_of("lambda:GetAlias", LIVE).resource == HELLO
    assert call_of(INVOKE, CHINA).resource == CHINA
    assert "names no alias" in part(pack(LIVE, "lambda:GetAlias"), "cli").note
    assert "names no alias" not in part(pack(HELLO, "lambda:GetAlias"), "cli").note


def test_an_invoke_names_the_exact_form_that_is_shared() -> None:
    parts = pack(LIVE, INVOKE)
    assert [one.key for one in parts] == ["cli", "dry-run", "boto3", "javascript", "policy", "terraform", "cloudformation"]
    asked = f"aws lambda invoke --region us-east-1 --function-name {LIVE} --invocation-type DryRun response.json"
    assert words(part(parts, "dry-run").text) == asked.split()
    for key in ("cli", "boto3", "javascript", "terraform", "cloudformation"):
        assert str(LIVE) in part(parts, key).text, key
    assert "--log-type" not in part(parts, "cli").text  # AWS refuses it across accounts


def test_an_alias_goes_where_each_call_wants_it() -> None:
    assert call_of("lambda:GetFunction", LIVE).parameters == {"FunctionName": str(HELLO), "Qualifier": "live"}
    assert call_of("lambda:GetFunction", HELLO).parameters == {"FunctionName": str(HELLO)}
    assert call_of("lambda:UpdateAlias", LIVE).parameters["Name"] == "live"
    assert call_of("lambda:UpdateAlias", CHINA).assumed == ("FunctionVersion", "Name")  # a version is no alias
    assert call_of("lambda:ListTags", LIVE).parameters == {"Resource": str(HELLO)}
    assert call_of("lambda:DeleteProvisionedConcurrencyConfig", HELLO).assumed == ("Qualifier",)
    with pytest.raises(ValueError, match="over HTTP"):
        call_of(INVOKE_URL, HELLO)


def test_what_changes_the_function_says_so_before_it_is_pasted() -> None:
    assert part(pack(HELLO, "lambda:DeleteFunction"), "cli").note == "This changes the function."
    assert "FunctionVersion: an example" in part(pack(LIVE, "lambda:UpdateAlias"), "boto3").note
    assert part(pack(HELLO, "lambda:GetFunction"), "cli").note == ""


def test_a_payload_of_any_kind_stays_inside_its_quotes() -> None:
    parts = pack(HELLO, INVOKE, payload=HOSTILE)
    printed = words(part(parts, "cli").text.split(" > ")[0])
    assert json.loads(printed[2]) == HOSTILE
    python = ast.parse(part(parts, "boto3").text)
    texts = {node.value for node in ast.walk(python) if isinstance(node, ast.Constant)}
    assert set(HOSTILE.values()) <= texts
    literal = re.search(r"Payload: JSON.stringify\((.*)\),\n", part(parts, "javascript").text)
    assert literal is not None
    assert json.loads(literal[1]) == HOSTILE
    assert literal[1].isascii()


def test_a_shell_gets_exactly_the_payload(tmp_path: Path) -> None:
    """The first line alone, in a real shell."""
    line = part(pack(HELLO, INVOKE, payload=HOSTILE), "cli").text.split("\naws ")[0]
    subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, check=True, env={"HOME": "/nowhere"})
    assert json.loads((tmp_path / "payload.json").read_text()) == HOSTILE


class _Cloud(yaml.SafeLoader):
    """CloudFormation's YAML: !Ref is {"Ref": ...}."""


_Cloud.add_constructor("!Ref", lambda loader, node: {"Ref": node.value})


@pytest.mark.parametrize(("kind", "caller"), [("role", "order-processor"), ("user", "jo@x+y=z,1"), ("role", "")])
def test_the_cloudformation_template_attaches_the_policy(kind: str, caller: str) -> None:
    text = part(pack(LIVE, INVOKE, kind=kind, caller=caller), "cloudformation").text
    template: dict[str, Any] = yaml.load(text, _Cloud)  # noqa: S506  # a safe loader
    policy = template["Resources"]["CallSharedFunction"]
    assert policy["Type"] == "AWS::IAM::ManagedPolicy"
    assert policy["Properties"]["Users" if kind == "user" else "Roles"] == [{"Ref": "Caller"}]
    assert policy["Properties"]["PolicyDocument"]["Statement"][0]["Resource"] == str(LIVE)
    assert template["Parameters"]["Caller"].get("Default", "") == caller
    assert template["Outputs"]["FunctionArn"]["Value"] == str(LIVE)


@pytest.mark.parametrize(("kind", "caller"), [("role", "order-processor"), ("user", "${path.module}%{x}"), ("role", "")])
def test_the_terraform_file_has_the_blocks_that_attach_the_policy(kind: str, caller: str) -> None:
    """No parser of HCL is installed: blocks, braces and values are looked at one by one."""
    text = part(pack(CHINA, INVOKE, kind=kind, caller=caller), "terraform").text
    assert re.findall(r"^(\w+) (.*) \{$", text, re.MULTILINE) == [
        ("variable", '"caller"'),
        ("resource", f'"aws_iam_{kind}_policy" "call_Fn_1_x"'),
        ("output", '"call_Fn_1_x_arn"'),
    ]
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    for opens, closes in ("{}", "[]", "()"):
        assert bare.count(opens) == bare.count(closes)
    encoded = re.search(r"policy = jsonencode\((.*?)\)\n\}", text, re.DOTALL)
    assert encoded is not None
    assert json.loads(encoded[1])["Statement"][0]["Resource"] == str(CHINA)
    assert f"{kind}   = var.caller" in text
    assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", text)  # nothing is interpolated
    assert ("default" in text) is bool(caller)


#: Stands in for the SDK, which is not installed: it tells which command was sent with what, and answers.
SDK = """
export class LambdaClient {
  constructor(config) { this.config = config; }
  async send(command) {
    console.log(JSON.stringify({ sent: command.name, input: command.input, region: this.config.region }));
    return { StatusCode: 200, Payload: new TextEncoder().encode('"Hello"') };
  }
}
class Command { constructor(input) { this.input = input; this.name = this.constructor.name; } }
"""


@pytest.mark.parametrize("action", [INVOKE, "lambda:GetFunction", "lambda:UpdateFunctionCode", "lambda:TagResource"])
def test_the_javascript_runs_as_pasted(action: str, tmp_path: Path) -> None:
    """In Node, where there is one, with the SDK stood in for; else at least its brackets close."""
    text = part(pack(LIVE, action, payload=HOSTILE), "javascript").text
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    for opens, closes in ("{}", "[]", "()"):
        assert bare.count(opens) == bare.count(closes)
    node = shutil.which("node")
    if node is None:
        return
    call = call_of(action, LIVE)
    module = tmp_path / "node_modules" / "@aws-sdk" / "client-lambda"
    module.mkdir(parents=True)
    (module / "package.json").write_text('{"name": "@aws-sdk/client-lambda", "type": "module", "main": "index.js"}')
    (module / "index.js").write_text(f"{SDK}export class {call.operation}Command extends Command {{}}\n")
    (tmp_path / "function.zip").write_bytes(b"zip")
    (tmp_path / "call.mjs").write_text(text)
    done = subprocess.run([node, "call.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.split("\n")  # what is sent may hold other ends of lines
    sent = json.loads(said[0])
    assert (sent["sent"], sent["region"]) == (f"{call.operation}Command", "us-east-1")
    plain = {name: value for name, value in call.parameters.items() if not isinstance(value, FileHere)}
    assert plain.items() <= sent["input"].items()
    if action == INVOKE:
        assert json.loads(sent["input"]["Payload"]) == HOSTILE
        assert said[1] == '"Hello"'


def test_the_url_is_called_signed_and_its_address_left_to_the_owner() -> None:
    parts = pack(CHINA, INVOKE_URL, payload={"name": "it's"})
    assert [one.key for one in parts] == ["curl", "boto3", "javascript", "policy", "terraform", "cloudformation"]
    curl = part(parts, "curl")
    assert "aws:amz:cn-north-1:lambda" in curl.text
    assert words(curl.text)[0] == "FUNCTION_URL=https://URL-ID.lambda-url.cn-north-1.on.aws/"
    assert "ask them" in curl.note


def test_the_urls_python_sends_a_signed_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as pasted, up to the wire: the address is nobody's."""
    sent: list[urllib.request.Request] = []

    def urlopen(request: urllib.request.Request) -> io.BytesIO:
        sent.append(request)
        return io.BytesIO(b"Hello")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    for name, value in {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "token"}.items():
        monkeypatch.setenv(name, value)
    exec(part(pack(CHINA, INVOKE_URL, payload=HOSTILE), "boto3").text, {})  # noqa: S102  # our own text
    (request,) = sent
    assert request.full_url == "https://URL-ID.lambda-url.cn-north-1.on.aws/"
    assert json.loads(request.data) == HOSTILE  # type: ignore[arg-type]
    assert "/cn-north-1/lambda/aws4_request" in str(request.get_header("Authorization"))
    assert request.get_header("X-amz-security-token") == "token"


@pytest.mark.parametrize("action", [INVOKE_URL, "lambda:CreateAlias"])
def test_shells_and_node_find_no_fault_in_the_rest(action: str, tmp_path: Path) -> None:
    parts = pack(LIVE, action, payload=HOSTILE)
    text = part(parts, "curl" if action == INVOKE_URL else "cli").text
    readers = [["/bin/sh", "-n", "-c", text]]
    if node := shutil.which("node"):
        (tmp_path / "call.mjs").write_text(part(parts, "javascript").text)
        readers.append([node, "--check", "call.mjs"])
    for reader in readers:
        done = subprocess.run(reader, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_pack_as_one_text_holds_every_part() -> None:
    parts = pack(LIVE, INVOKE)
    text = handing_over.markdown(LIVE, INVOKE, parts)
    assert text.startswith("# hello_world\n\n`arn:aws:lambda:")
    assert text.count("```") == 2 * len(parts)
    for one in parts:
        assert f"## {one.title}\n" in text
        assert one.text in text
