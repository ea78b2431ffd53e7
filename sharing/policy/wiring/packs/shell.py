"""The AWS CLI as a shell script that checks the account, changes one entry and runs twice unharmed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Final

from ...calls import words_of
from .calling import command
from .heading import Heading, comments
from .python import change_by_cli
from .shapes import Act, Change, Done, Lookup, Request

_JOINT: Final = " \\\n        "
_PASTED: Final = " \\\n    "

_HEAD: Final = """set -euo pipefail
mode=${1:-}
case $mode in
    '' | --show | --undo) ;;
    *) echo "$mode: give nothing, --show or --undo." >&2; exit 2 ;;
esac"""

_ATTEMPT: Final = r"""
# attempt WHAT CODES EXPECTED COMMAND...: runs it, unless it is only shown. A refusal with one of these codes means
# that it is so already; EXPECTED, where it is given, is what the answer must be.
attempt() {
    local what=$1 codes=$2 expected=$3 answer
    shift 3
    if [ "$mode" = --show ]; then
        echo "Would: $what"
    elif answer=$("$@" 2>&1); then
        if [ -n "$expected" ] && [ "$answer" != "$expected" ]; then
            echo "$what failed: $answer" >&2
            exit 1
        fi
        echo "$what: done."
    elif [ -n "$codes" ] && grep -Eq "\(($codes)\)" <<<"$answer"; then
        echo "$what: it is so already."
    else
        echo "$answer" >&2
        exit 1
    fi
}"""


def script(heading: Heading, steps: Sequence[Done]) -> str:
    """A bash script that does these steps in one account, shows them, or takes them back."""
    deeds = [(done, deed) for done in steps for deed in done.deeds]
    functions = []
    for number, (done, deed) in enumerate(deeds, start=1):
        body = _change(deed) if isinstance(deed, Change) else _act(deed)
        functions.append("\n".join([f"# {heading.flat(done.step.sentence)}", f"step_{number}() {{", *body, "}", ""]))
    names = [f"step_{number}" for number in range(1, len(deeds) + 1)]
    parts = [
        "#!/usr/bin/env bash",
        comments(heading.lines("bash")),
        _HEAD,
        *_fill_in(heading.fill_in),
        f"export AWS_PAGER='' AWS_REGION={shlex.quote(heading.region)} AWS_DEFAULT_REGION={shlex.quote(heading.region)}",
        "account=$(aws sts get-caller-identity --query Account --output text)",
        f"expected={shlex.quote(heading.account)}",
        'if [ "$account" != "$expected" ]; then',
        '    echo "These are credentials of account $account; this acts in $expected." >&2',
        "    exit 1",
        "fi",
        "",
        *([_ATTEMPT, ""] if any(isinstance(deed, Act) for _, deed in deeds) else []),
        *functions,
        'if [ "$mode" = --undo ]; then',
        *(f"    {name}" for name in reversed(names)),
        "else",
        *(f"    {name}" for name in names),
        "fi",
        "",
    ]
    return "\n".join(parts)


def written(request: Request, region: str) -> str:
    """One request as a command to paste."""
    words = _words(request)
    return _PASTED.join([f"aws {' '.join(words[:2])}", f"--region {shlex.quote(region)}", *words[2:]])


def _fill_in(texts: Sequence[str]) -> list[str]:
    if not texts:
        return []
    return [
        f"for text in {' '.join(shlex.quote(text) for text in texts)}; do",
        "    case $text in",
        """        '<'*) echo "Put in $text first, wherever it stands in this file." >&2; exit 2 ;;""",
        "    esac",
        "done",
    ]


def _act(deed: Act) -> list[str]:
    undo = [line for one in deed.undo for line in _attempt(one, "        ")]
    return [
        '    if [ "$mode" = --undo ]; then',
        *(undo or ["        echo 'There is no call that takes this back: see the words.'"]),
        "        return",
        "    fi",
        *(line for one in deed.do for line in _attempt(one, "    ")),
    ]


def _attempt(one: Request | Lookup, indent: str) -> list[str]:
    if isinstance(one, Lookup):
        wanted = " && ".join(f"{name}==`{json.dumps(value)}`" for name, value in one.where.items())
        query = f"{one.items}[?{wanted}].{one.value}"
        then = Request(one.then.service, one.then.operation, one.then.parameters)
        words = [*_words(then), f'--{words_of(one.parameter, "-")} "$each"']
        listing = " ".join([*_words(one.listing), f"--query {shlex.quote(query)}", "--output text"])
        what = f"{then.service}:{then.operation}"
        return [
            f"{indent}local each found",
            f"{indent}found=$(aws {listing})",
            f"{indent}for each in $found; do",
            f"""{indent}    [ "$each" = None ] || attempt {what} '' '' aws {" ".join(words)}""",
            f"{indent}done",
        ]
    words = _words(one)
    if one.count:
        words += [f"--query {shlex.quote(one.count)}", "--output text"]
    codes, expected = shlex.quote("|".join(one.settled)), "0" if one.count else "''"
    what = f"{one.service}:{one.operation}"
    return [f"{indent}attempt {what} {codes} {expected} aws {_JOINT.join([' '.join(words[:2]), *words[2:]])}"]


def _words(request: Request) -> list[str]:
    """Quoted; an option and its value are one line."""
    found: list[str] = []
    for word in command(request):
        if found and len(found) > 2 and found[-1].startswith("--") and " " not in found[-1] and not word.startswith("--"):
            found[-1] += f" {shlex.quote(word)}"
        else:
            found.append(shlex.quote(word))
    return found


def _change(deed: Change) -> list[str]:
    return ['    python3 - "$mode" "$(command -v aws)" <<\'PY\'', change_by_cli(deed).rstrip("\n"), "PY"]
