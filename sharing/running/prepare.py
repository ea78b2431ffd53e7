"""What an installation needs before its processes start: tables and static files.

`python -m sharing.running.prepare` brings both up to date. A database that does not answer is one line, no trace.
"""

import sys

import django
from django.core.management import call_command
from django.db import OperationalError, connection

from sharing.running.static import collect


def prepare() -> None:
    """Tables and static files. Raises OperationalError when the database does not answer."""
    connection.ensure_connection()
    call_command("migrate", interactive=False, verbosity=0)
    collect()


def main() -> int:
    """Prepare; the exit status."""
    django.setup()
    try:
        prepare()
    except OperationalError as problem:
        first = str(problem).strip().partition("\n")[0]
        print(f"fnshare cannot start: DATABASE_URL: the database does not answer: {first}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"fnshare cannot start: {problem.strerror}: {problem.filename}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
