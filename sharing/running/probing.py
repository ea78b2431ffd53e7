"""Asking a web process on this machine whether everything works (/readyz)."""

import http.client
import json


def not_ready(port: int, bind: str = "127.0.0.1") -> list[str]:
    """What does not work yet, such as `worker: none`; empty when all is well. Also when nothing answers at all: `web: away`."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104  # what was bound, not what we bind
    asking = http.client.HTTPConnection(here, port, timeout=5)
    try:
        asking.request("GET", "/readyz")
        answer = asking.getresponse()
        said = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException):
        return ["web: away"]
    finally:
        asking.close()
    parts = {name: part for name, part in said.items() if isinstance(part, dict)}
    return [f"{name}: {part.get('state')}" for name, part in parts.items() if not part.get("ready")]
