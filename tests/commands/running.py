"""Running a command as a shell does: arguments in, exit code and output out."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from django.core.management import call_command

#: What every item about a grant has.
FIELDS = {"id", "function_arn", "qualifier", "sid", "principal", "action", "state", "until", "check", "reason", "failure"}


@dataclass(frozen=True)
class Ran:
    """What came out. `data` is what --json printed; None when nothing or something else was on standard output."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def items(self) -> list[dict[str, Any]]:
        return list(self.data["items"])

    @property
    def error(self) -> dict[str, str]:
        found: dict[str, str] = self.data["error"]
        return found


def run(name: str, *arguments: str) -> Ran:
    """`manage.py NAME ARGUMENTS...` in this process, on the test's own database connection."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            call_command(name, *arguments)
        except SystemExit as end:
            code = int(end.code or 0)
    return Ran(code, out.getvalue(), err.getvalue())
