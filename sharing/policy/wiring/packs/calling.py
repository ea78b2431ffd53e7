"""A request as a command of the AWS CLI, as a call of boto3, and as Python that runs the AWS CLI."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from ...calls import words_of
from .shapes import Request

#: A request as an expression; the second value is code: what else is given, by parameter.
Caller = Callable[[Request, dict[str, str]], str]
#: Options that the AWS CLI calls otherwise than the API does; it would take `--endpoint` for its own `--endpoint-url`.
_RENAMED: Final = {("Subscribe", "Endpoint"): "notification-endpoint"}


def by_boto3(request: Request, more: dict[str, str]) -> str:
    """As boto3 makes it."""
    given = [f"{name}={value!r}" for name, value in request.parameters.items()]
    given += [f"{name}={code}" if name else f"**{code}" for name, code in more.items()]
    return f"client({request.service!r}).{words_of(request.operation, '_')}({', '.join(given)})"


def by_cli(request: Request, more: dict[str, str]) -> str:
    """As Python that runs the AWS CLI makes it."""
    words = [repr(word) for word in command(request)]
    for name, code in more.items():
        if not name:
            words += ['"--cli-input-json"', f"json.dumps({code})"]
        else:
            structured = code == "document" or code.startswith("{")  # else it is a text already
            words += [repr(f"--{words_of(name, '-')}"), f"json.dumps({code})" if structured else code]
    return f"aws({', '.join(words)})"


def command(request: Request) -> list[str]:
    """The AWS CLI's words for a request, without `aws`, each as it is."""
    service = {"s3": "s3api", "config": "configservice"}.get(request.service, request.service)
    words = [service, words_of(request.operation, "-")]
    for name, value in request.parameters.items():
        option = _RENAMED.get((request.operation, name)) or words_of(name, "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
            continue
        text = value if isinstance(value, str) else json.dumps(value)
        words += [f"--{option}={text}"] if text.startswith("-") else [f"--{option}", text]
    return words
