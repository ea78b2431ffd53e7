"""What may be sent: JSON, well formed, of a size that is kept here for a while."""

from __future__ import annotations

import json
from typing import Any

from sharing.services.errors import Refusal

#: Bytes. AWS takes 6 MB, and 1 MB asynchronously (aws-facts 2); a test is kept on a row, and smaller.
MOST_BYTES = 256 * 1024
_SPARE = " \t\r\n"


def payload_of(text: str) -> str:
    """The payload as it will be sent, line ends made plain. Raises Refusal, with line and column where JSON ends to be JSON.

    Never quotes the payload: a refusal is shown, and may be logged.
    """
    found = text.replace("\r\n", "\n")
    size = len(found.encode())
    if size > MOST_BYTES:
        raise Refusal(
            f"The payload has {size:,} bytes; a test invoke takes {MOST_BYTES:,} (AWS itself takes 6 MB, and 1 MB for events).",
            next="Send less, or call the function from your own code.",
            field="payload",
        )
    if not found.strip(_SPARE):
        return ""
    try:
        # Numbers stay text: they may have more digits than Python likes to read.
        json.loads(found, parse_constant=_no_number, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        what = error.msg[:1].lower() + error.msg[1:]
        raise _malformed(f"Line {error.lineno}, column {error.colno}: {what}.") from None
    except _NoNumber as error:
        raise _malformed(f"{error} is no JSON number.") from None
    except RecursionError:
        raise _malformed("It is nested too deeply.") from None
    return found


class _NoNumber(Exception):
    """NaN or an infinity, which Python reads and JSON has not."""


def _no_number(name: str) -> Any:
    raise _NoNumber(name)


def _malformed(where: str) -> Refusal:
    return Refusal(f"The payload is no JSON. {where}", next="Texts and names go into double quotes.", field="payload")
