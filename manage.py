#!/usr/bin/env python
"""Django's command line for fnshare."""

import json
import os
import sys
from typing import NoReturn

from sharing.environment import Misconfigured


def main() -> None:
    """Run a management command with the settings of the environment."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharing.settings")
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError, OperationalError

    try:
        execute_from_command_line(sys.argv)
    except Misconfigured as problem:
        _end("misconfigured", str(problem), "Set the variable, then run the command again.")
    except DatabaseError as problem:
        # A bare DatabaseError is SQLite's: the file is no database, or broken. The kinds beneath it are ours to see whole.
        if type(problem) not in (DatabaseError, OperationalError):
            raise
        first = str(problem).strip().partition("\n")[0]
        _end("database", f"fnshare: the database does not do what was asked (DATABASE_URL): {first}", "Check DATABASE_URL.")


def _end(code: str, message: str, next_step: str) -> NoReturn:
    """One line; to whoever asked for --json also the object that every command of ours prints, before any could start."""
    if "--json" in sys.argv[2:]:
        error = {"code": code, "message": message, "next": next_step}
        sys.stdout.write(json.dumps({"ok": False, "items": [], "error": error}) + "\n")
    sys.exit(message)


if __name__ == "__main__":
    main()
