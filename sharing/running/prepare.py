"""What an installation needs before its processes start: sound settings, tables and static files.

`python -m sharing.running.prepare` checks the first and brings the others up to date. A database that does not answer, and
settings that cannot work, are told without a trace.
"""

import os
import sys

import django
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import DatabaseError, OperationalError, connection

from sharing.running.static import collect


def prepare() -> None:
    """Tables and static files. Raises OperationalError when the database does not answer."""
    connection.ensure_connection()
    call_command("migrate", interactive=False, verbosity=0)
    collect()


def main() -> int:
    """Check and prepare; the exit status. The demo's settings are our own: only a deployment's are checked."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharing.settings")
    django.setup()
    try:
        call_command("check", verbosity=0)
        prepare()
    except DatabaseError as problem:
        if type(problem) not in (DatabaseError, OperationalError):  # as in manage.py
            raise
        first = str(problem).strip().partition("\n")[0]
        print(f"fnshare cannot start: DATABASE_URL: the database does not answer: {first}", file=sys.stderr)
        return 1
    except SystemCheckError as problem:
        print(f"fnshare cannot start: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"fnshare cannot start: {problem.strerror}: {problem.filename}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
