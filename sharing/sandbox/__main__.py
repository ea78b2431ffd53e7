"""`python -m sharing.sandbox`: the local AWS as a process of its own."""

import argparse
import json
import os
import signal
import sys
import threading

from sharing.sandbox.journal import Call
from sharing.sandbox.server import PortTaken, Sandbox, as_document
from sharing.sandbox.story import NAMES


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. 0 after a clean end, 1 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m sharing.sandbox", description="A local AWS to try fnshare with.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--story", choices=NAMES, default="demo")
    parser.add_argument("--accounts", metavar="FILE", help="written when ready: the accounts and their keys, as JSON")
    parser.add_argument("--control-key", default="", metavar="KEY", help="opens /_sandbox/ to requests that carry it")
    parser.add_argument(
        "--show-deliveries", action="store_true", help="a page for people at /_sandbox/deliveries, no key needed"
    )
    parser.add_argument("--verbose", action="store_true", help="a line per call on standard output")
    asked = parser.parse_args(arguments)

    sandbox = Sandbox(
        asked.story,
        control_key=asked.control_key,
        on_call=_say if asked.verbose else None,
        show_deliveries=asked.show_deliveries,
    )
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        sandbox.start(asked.host, asked.port)
    except PortTaken as error:
        print(f"The sandbox cannot start: {error} Choose another with --port.", file=sys.stderr)
        return 1
    try:
        if asked.accounts:
            _write(asked.accounts, json.dumps([as_document(account) for account in sandbox.accounts], indent=2))
        print(f"Sandbox AWS on {sandbox.url}", flush=True)
        ended.wait()
    except OSError as error:
        print(f"The sandbox cannot write {asked.accounts}: {error.strerror}.", file=sys.stderr)
        return 1
    finally:
        sandbox.stop()
    return 0


def _write(path: str, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    draft = f"{path}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.replace(draft, path)


def _say(call: Call) -> None:
    where = f"{call.target}:{call.qualifier}" if call.qualifier else call.target
    outcome = f"{call.status} {call.error_code}".strip()
    print(f"{call.at:%H:%M:%S} {call.service}:{call.operation} {where} by {call.caller_arn}: {outcome}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
