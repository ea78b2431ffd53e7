"""A call written out for whoever makes it: a POSIX shell, Python, JavaScript. What is pasted runs.

Facts: the AWS CLI reads a payload from a file alike in its versions 1 and 2 (fileb://), which differ in how they take one
from the command line; boto3 and the JavaScript SDK v3 route by their client's region, never by the ARN's (aws-facts 0.16);
a function that throws still answers 200, with FunctionError (2); its URL wants requests signed for the service `lambda`.
Every value is quoted for the language it stands in, whatever it holds.
"""

from __future__ import annotations

import json
import shlex
from typing import Any, Final

from .arn import FunctionArn
from .calls import Call, FileHere, Value, words_of

#: The shell's continued lines.
_JOINT: Final = " \\\n    "


def aws_cli(call: Call, function: FunctionArn, *, payload: Any = None) -> str:
    """The AWS CLI. An invoke writes its payload to a file first, and shows the answer."""
    options = [f"--{words_of(name, '-')} {_shell(value)}" for name, value in call.parameters.items()]
    words = [f"aws lambda {call.kebab}", f"--region {shlex.quote(function.region)}", *options]
    if call.operation != "Invoke":
        return _JOINT.join(words)
    lines = [
        f"printf '%s' {shlex.quote(_json(payload))} > payload.json",
        _JOINT.join([*words, "--payload fileb://payload.json", "response.json"]),
        "cat response.json",
    ]
    return "\n".join(lines)


def boto3(call: Call, function: FunctionArn, *, payload: Any = None) -> str:
    """Python, with boto3."""
    invoke = call.operation == "Invoke"
    given = {name: _python(value) for name, value in call.parameters.items()}
    if invoke:
        given["Payload"] = f"json.dumps({payload!r})"
    reads = any(isinstance(value, FileHere) for value in call.parameters.values())
    lines = [
        "import json",
        *(["from pathlib import Path"] if reads else []),
        "",
        "import boto3",
        "",
        f'client = boto3.client("lambda", region_name={_json(function.region)})',
        f"response = client.{call.snake}(",
        *(f"    {name}={value}," for name, value in given.items()),
        ")",
    ]
    if invoke:
        lines += [
            'answer = response["Payload"].read().decode()',
            'if "FunctionError" in response:',
            "    raise RuntimeError(answer)",
            "print(answer)",
        ]
    else:
        lines.append("print(json.dumps(response, indent=2, default=str))")
    return "\n".join(lines)


def javascript(call: Call, function: FunctionArn, *, payload: Any = None) -> str:
    """JavaScript as a module, with the AWS SDK v3."""
    invoke = call.operation == "Invoke"
    given = {name: _script(value) for name, value in call.parameters.items()}
    if invoke:
        given["Payload"] = f"JSON.stringify({_json(payload)})"
    reads = any(isinstance(value, FileHere) for value in call.parameters.values())
    lines = [
        *(['import { readFileSync } from "node:fs";'] if reads else []),
        f'import {{ LambdaClient, {call.operation}Command }} from "@aws-sdk/client-lambda";',
        "",
        f"const client = new LambdaClient({{ region: {_json(function.region)} }});",
        f"const response = await client.send(new {call.operation}Command({{",
        *(f"  {name}: {value}," for name, value in given.items()),
        "}));",
    ]
    if invoke:
        lines += [
            'const answer = Buffer.from(response.Payload ?? []).toString("utf8");',
            "if (response.FunctionError) throw new Error(answer);",
            "console.log(answer);",
        ]
    else:
        lines.append("console.log(JSON.stringify(response, null, 2));")
    return "\n".join(lines)


def curl_url(function: FunctionArn, *, payload: Any = None) -> str:
    """A function's URL from a shell: curl 7.75 or later signs by itself. The address is the owner's to tell."""
    sign = shlex.quote(f"aws:amz:{function.region}:lambda")
    words = [
        'curl --fail-with-body "$FUNCTION_URL"',
        f"--aws-sigv4 {sign}",
        '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"',
        '${AWS_SESSION_TOKEN:+--header "x-amz-security-token: $AWS_SESSION_TOKEN"}',
        "--header 'content-type: application/json'",
        f"--data {shlex.quote(_json(payload))}",
    ]
    return f"FUNCTION_URL={shlex.quote(url_to_fill(function))}\n{_JOINT.join(words)}"


def boto3_url(function: FunctionArn, *, payload: Any = None) -> str:
    """A function's URL from Python: signed with what boto3 brings along, sent with the standard library."""
    return f"""import json
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

url = {_json(url_to_fill(function))}
request = AWSRequest("POST", url, data=json.dumps({payload!r}), headers={{"Content-Type": "application/json"}})
SigV4Auth(boto3.Session().get_credentials(), "lambda", {_json(function.region)}).add_auth(request)
signed = urllib.request.Request(url, data=request.body, headers=dict(request.headers), method="POST")
with urllib.request.urlopen(signed) as response:
    print(response.read().decode())"""


def javascript_url(function: FunctionArn, *, payload: Any = None) -> str:
    """A function's URL from JavaScript, signed with the SDK's own parts."""
    return f"""import {{ Sha256 }} from "@aws-crypto/sha256-js";
import {{ fromNodeProviderChain }} from "@aws-sdk/credential-providers";
import {{ SignatureV4 }} from "@smithy/signature-v4";

const url = new URL({_json(url_to_fill(function))});
const signer = new SignatureV4({{
  service: "lambda",
  region: {_json(function.region)},
  credentials: fromNodeProviderChain(),
  sha256: Sha256,
}});
const signed = await signer.sign({{
  method: "POST",
  protocol: url.protocol,
  hostname: url.hostname,
  path: url.pathname,
  headers: {{ host: url.hostname, "content-type": "application/json" }},
  body: JSON.stringify({_json(payload)}),
}});
const response = await fetch(url, signed);
console.log(await response.text());"""


def url_to_fill(function: FunctionArn) -> str:
    """What a function's URL looks like; which it is nobody tells across accounts but the owner."""
    return f"https://URL-ID.lambda-url.{function.region}.on.aws/"


def _shell(value: Value) -> str:
    if isinstance(value, FileHere):
        return shlex.quote(f"fileb://{value.name}")
    return shlex.quote(value if isinstance(value, str) else _json(value))


def _python(value: Value) -> str:
    return f"Path({_json(value.name)}).read_bytes()" if isinstance(value, FileHere) else _json(value)


def _script(value: Value) -> str:
    return f"readFileSync({_json(value.name)})" if isinstance(value, FileHere) else _json(value)


def _json(value: Any) -> str:
    """JSON in ASCII: right in a shell's quotes, a literal of JavaScript and, without true, false and null, of Python."""
    return json.dumps({} if value is None else value)
