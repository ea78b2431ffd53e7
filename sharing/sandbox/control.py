"""The controls over HTTP: journal, switches, faults, release, reset. Only with the key, under /_sandbox/."""

import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from sharing.sandbox.errors import Reply, as_json
from sharing.sandbox.faults import Faults
from sharing.sandbox.journal import Journal
from sharing.sandbox.switches import Switches


class BadControl(ValueError):
    """The control request says something that cannot be done; the text tells what."""


class Control:
    """Answers requests that carry the key in `X-Sandbox-Key`; to all others these paths do not exist."""

    def __init__(
        self, key: str, journal: Journal, switches: Switches, faults: Faults, reset: Callable[[str | None], None]
    ) -> None:
        self.key = key
        self.journal = journal
        self.switches = switches
        self.faults = faults
        self.reset = reset

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply | None:
        if not self.key or not hmac.compare_digest(headers.get("x-sandbox-key", "").encode(), self.key.encode()):
            return None
        name = path.removeprefix("/_sandbox/").strip("/")
        try:
            asked = json.loads(body or b"{}")
            if not isinstance(asked, dict):
                raise BadControl("Send a JSON object.")
            return self._answer(method, name, asked)
        except (ValueError, TypeError) as error:
            return as_json({"message": str(error)}, 400)

    def _answer(self, method: str, name: str, asked: dict[str, Any]) -> Reply | None:
        if (method, name) == ("GET", "journal"):
            return as_json(self.journal.as_document())
        if (method, name) == ("DELETE", "journal"):
            self.journal.clear()
            return Reply(204)
        if (method, name) == ("GET", "switches"):
            return as_json(asdict(self.switches))
        if (method, name) in (("POST", "switches"), ("PUT", "switches")):
            self._set(asked)
            return as_json(asdict(self.switches))
        if (method, name) == ("GET", "faults"):
            return as_json({"waiting": self.faults.waiting, "faults": [asdict(f) for f in self.faults.list()]})
        if (method, name) == ("POST", "faults"):
            return as_json(asdict(self.faults.add(**asked)), 201)
        if (method, name) == ("DELETE", "faults"):
            self.faults.clear()
            return Reply(204)
        if (method, name) == ("POST", "release"):
            return as_json({"released": self.faults.release()})
        if (method, name) == ("POST", "reset"):
            self.reset(asked.get("story"))
            return Reply(204)
        return None

    def _set(self, asked: dict[str, Any]) -> None:
        kinds = {f.name: type(getattr(self.switches, f.name)) for f in fields(self.switches)}
        for name, value in asked.items():
            if name not in kinds:
                raise BadControl(f"There is no switch {name!r}; there are {', '.join(sorted(kinds))}.")
            if kinds[name] is bool and not isinstance(value, bool):
                raise BadControl(f"The switch {name!r} is true or false.")
            if kinds[name] is float and (isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0):
                raise BadControl(f"The switch {name!r} is a number of seconds.")
        for name, value in asked.items():
            setattr(self.switches, name, kinds[name](value))
