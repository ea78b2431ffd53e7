"""What to type to see sources of the demo's accounts wake functions: an access key for each account, and AWS CLI commands."""

import json
import shlex
from typing import Any

#: A file that is there wherever the demo is started.
_FILE = "README.md"


def commands(account: dict[str, Any], endpoint: str, region: str) -> dict[str, Any] | None:
    """How to act as this account of accounts.json and what to type, one command a source; None when it has none.

    {"account", "name", "environment": {name: value}, "commands": [line]}
    """
    aws = ["aws", "--endpoint-url", endpoint]
    lines = [shlex.join([*aws, *words]) for arn, event in account["sources"].items() for words in _calls(arn, event, endpoint)]
    if not lines:
        return None
    return {
        "account": account["id"],
        "name": account["name"],
        "environment": {
            "AWS_ACCESS_KEY_ID": account["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": account["secret_access_key"],
            "AWS_DEFAULT_REGION": region,
        },
        "commands": lines,
    }


def as_text(tried: dict[str, Any]) -> str:
    """The same for a person's terminal, to be pasted."""
    export = " ".join(f"{name}={shlex.quote(value)}" for name, value in tried["environment"].items())
    lines = [f"As {tried['name']} ({tried['account']}):", f"export {export}", *tried["commands"]]
    return "\n".join(f"    {line}" for line in lines)


def _calls(arn: str, event: dict[str, str], endpoint: str) -> list[list[str]]:
    """What makes this source send one event; [] for one that nothing is typed at. event: an example of its events."""
    service, _, account, resource = arn.split(":", 5)[2:]
    match service:
        case "s3":
            return [["s3", "cp", _FILE, f"s3://{resource}/{event['Key']}"]]
        case "sns":
            return [["sns", "publish", "--topic-arn", arn, "--message", "hello"]]
        case "sqs":
            return [["sqs", "send-message", "--queue-url", f"{endpoint}/{account}/{resource}", "--message-body", "hello"]]
        case "events":
            return [["events", "put-events", "--entries", json.dumps([{**event, "Detail": '{"trying": true}'}])]]
        case "cloudwatch":  # only a change of the state is told, so that it has to leave ALARM first
            alarm = ["cloudwatch", "set-alarm-state", "--alarm-name", resource.removeprefix("alarm:")]
            return [[*alarm, "--state-reason", "trying", "--state-value", state] for state in ("OK", "ALARM")]
    return []
