"""The boto3 script, and the Python that changes one entry of a document, for boto3 and for the AWS CLI alike."""

from __future__ import annotations

import inspect
import pprint
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from ...calls import words_of
from .. import notifications
from . import alarms, settling, statements
from .calling import Caller, by_boto3, by_cli
from .heading import Heading, comments
from .shapes import Act, Change, Deed, Done, Lookup, Request

_FUTURE: Final = "from __future__ import annotations\n"
_OF_RULE: Final = {"notification": notifications, "policy": statements, "alarm": alarms}
_BOTO3: Final = '''
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

SESSION = boto3.Session(region_name=REGION)


def client(service):
    return SESSION.client(service)


def code_of(refusal):
    return refusal.response["Error"]["Code"]


def attempt(what, settled, count, call, **parameters):
    """Call, unless it is only shown; a refusal with one of these codes means that it is so already."""
    if MODE == "--show":
        print(f"Would: {what}")
        return
    try:
        answer = call(**parameters)
    except ClientError as refusal:
        if code_of(refusal) not in settled:
            raise
        print(f"{what}: it is so already.")
        return
    if count and answer.get(count):
        raise Stop(f"{what} failed: {answer}")
    print(f"{what}: done.")


def listed(service, listing, items, where, value, **parameters):
    """The values of what is listed and says all of this."""
    for page in client(service).get_paginator(listing).paginate(**parameters):
        for item in page[items]:
            if all(item.get(name) == wanted for name, wanted in where.items()):
                yield item[value]
'''

_MAIN: Final = """
def main():
    if MODE not in ("", "--show", "--undo"):
        raise Stop(f"{MODE}: give nothing, --show or --undo.")
    for text in FILL_IN:
        if text.startswith("<"):
            raise Stop(f"Put in {text} first, wherever it stands in this file.")
    found = client("sts").get_caller_identity()["Account"]
    if found != ACCOUNT:
        raise Stop(f"These are credentials of account {found}; this acts in {ACCOUNT}.")
    for step in reversed(STEPS) if MODE == "--undo" else STEPS:
        step()


if __name__ == "__main__":
    try:
        main()
    except (Stop, ClientError, BotoCoreError) as problem:
        sys.exit(str(problem))
"""


def script(heading: Heading, steps: Sequence[Done]) -> str:
    """A Python file that does these steps in one account, shows them, or takes them back."""
    deeds = [(done, deed) for done in steps for deed in done.deeds]
    functions = []
    for number, (done, deed) in enumerate(deeds, start=1):
        body = _change(deed, by_boto3) if isinstance(deed, Change) else _act(deed)
        functions.append(f"# {heading.flat(done.step.sentence)}\ndef step_{number}():\n{_inside(body)}\n")
    names = ", ".join(f"step_{number}" for number in range(1, len(deeds) + 1))
    return "\n".join(
        [
            "#!/usr/bin/env python3",
            comments(heading.lines("python3")),
            _FUTURE,
            "import sys",
            "",
            f"ACCOUNT = {literal(heading.account)}",
            f"REGION = {literal(heading.region)}",
            f"FILL_IN = {literal(list(heading.fill_in))}",
            'MODE = sys.argv[1] if len(sys.argv) > 1 else ""',
            "",
            embedded([deed for _, deed in deeds]),
            _BOTO3,
            "",
            "\n\n".join(functions),
            f"STEPS = [{names}]",
            "",
            _MAIN,
        ]
    )


def change_by_cli(deed: Change) -> str:
    """The Python between the commands of a shell script: it calls the AWS CLI itself."""
    return "\n".join([_FUTURE, embedded([deed]), _CLI, *_change(deed, by_cli, top=True), ""])


def embedded(deeds: Sequence[Deed]) -> str:
    """The text of what these deeds need of ours."""
    rules = {deed.rule for deed in deeds if isinstance(deed, Change)}
    if not rules:
        return 'class Stop(Exception):\n    """Nothing was written, or not what was meant."""\n'
    return "\n\n".join(_source(module) for module in (settling, *(_OF_RULE[rule] for rule in sorted(rules))))


def literal(value: Any) -> str:
    """The value as Python, in lines."""
    return pprint.pformat(value, width=110, sort_dicts=False)


@lru_cache
def _source(module: Any) -> str:
    text = inspect.getsource(module).replace(_FUTURE, "").split('"""', 2)[2]  # without what the module says of itself
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("from .")).strip("\n") + "\n"


_CLI: Final = '''
import re
import subprocess
import sys

MODE, AWS = sys.argv[1:]


class ClientError(Exception):
    """What the AWS CLI was refused."""


def code_of(refusal):
    found = re.search(r"An error occurred \\((\\w+)\\)", str(refusal))
    return found[1] if found else ""


def aws(*words):
    done = subprocess.run([AWS, *words, "--output", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise ClientError(done.stderr.strip())
    return json.loads(done.stdout or "{}")

'''


def _act(deed: Act) -> list[str]:
    return [
        'if MODE == "--undo":',
        *(f"    {line}" for one in deed.undo for line in _attempt(one)),
        *(
            ["    return"]
            if deed.undo
            else ['    print("There is no call that takes this back: see the words.")', "    return"]
        ),
        *(line for one in deed.do for line in _attempt(one)),
    ]


def _attempt(one: Request | Lookup) -> list[str]:
    if isinstance(one, Lookup):
        listing = one.listing
        given = "".join(f", {name}={value!r}" for name, value in listing.parameters.items())
        found = f"{listing.service!r}, {words_of(listing.operation, '_')!r}, {one.items!r}"
        each = Request(one.then.service, one.then.operation, one.then.parameters, one.then.settled)
        (call,) = _attempt(each)
        return [
            f"for found in listed({found}, {dict(one.where)!r}, {one.value!r}{given}):",
            f"    {call[:-1]}, {one.parameter}=found)",
        ]
    what = repr(f"{one.service}:{one.operation}")
    call = f"client({one.service!r}).{words_of(one.operation, '_')}"
    given = "".join(f", {name}={value!r}" for name, value in one.parameters.items())
    return [f"attempt({what}, {one.settled!r}, {one.count!r}, {call}{given})"]


def _change(deed: Change, caller: Caller, *, top: bool = False) -> list[str]:
    add, remove = {
        "notification": ("merged(document, entry)", f"without(document, {deed.key!r})"),
        "policy": ("with_statement(document, entry)", f"without_statement(document, {deed.key!r})"),
        "alarm": ("with_action(document, entry)", "without_action(document, entry)"),
    }[deed.rule]
    stops = ["    found = overlaps(document, entry)", "    if found:"]
    stops += ['        raise Stop(" ".join(one.sentence for one in found))']
    lines = [
        *(['revision = ["NO_POLICY"]'] if deed.lock else []),
        *f"entry = {literal(deed.entry)}".split("\n"),
        "",
        "def read():",
        *_read(deed, caller),
        "",
        "def change(document):",
        '    if MODE == "--undo":',
        f"        return {remove}",
        *(stops if deed.rule == "notification" else []),
        f"    return {add}",
        "",
        "def write(document):",
        *_write(deed, caller),
        "",
    ]
    run = f'settle({deed.what!r}, read, change, write, show=MODE == "--show")'
    if not top:
        return [*lines, run]
    return [*lines, "try:", f"    {run}", "except (Stop, ClientError) as problem:", "    sys.exit(str(problem))"]


def _read(deed: Change, caller: Caller) -> list[str]:
    ask = f"answer = {caller(deed.read, {})}"
    if deed.empty:
        yes = f"        if code_of(refusal) != {deed.empty!r}:"
        asking = ["    try:", f"        {ask}", "    except ClientError as refusal:", yes, "            raise"]
        asking += ['        revision[0] = "NO_POLICY"'] if deed.lock else []
        asking += ["        return {}", *(['    revision[0] = answer["RevisionId"]'] if deed.lock else [])]
    else:
        asking = [f"    {ask}"]
    told = {
        "notification": '{name: value for name, value in answer.items() if name != "ResponseMetadata"}',
        "policy": "policy_in(answer)",
        "alarm": "alarm_in(answer)",
    }
    return [*asking, f"    return {told[deed.rule]}"]


def _write(deed: Change, caller: Caller) -> list[str]:
    if deed.rule == "notification":
        return [f"    {caller(deed.write, {deed.slot: 'document'})}"]
    if deed.rule == "alarm":
        composite = Request(deed.write.service, "PutCompositeAlarm", {})
        return [
            '    if "AlarmRule" in document:',
            f"        {caller(composite, {'': 'document'})}",
            "    else:",
            f"        {caller(deed.write, {'': 'document'})}",
        ]
    lines = []
    lock = {deed.lock: "revision[0]"} if deed.lock else {}
    if deed.leaves_something:
        lines += ["    if not document:", '        raise Stop("Nothing would be left of the policy: set it yourself.")']
    if deed.erase is not None:
        lines += ["    if not document:", f"        {caller(deed.erase, lock)}", "        return"]
    text = 'json.dumps(document) if document else ""'
    given = f'{{"Policy": {text}}}' if deed.slot == "Attributes" else text
    return [*lines, f"    {caller(deed.write, {deed.slot: given, **lock})}"]


def _inside(lines: Sequence[str]) -> str:
    return "\n".join(f"    {line}" if line else "" for line in lines)
