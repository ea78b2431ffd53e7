#!/usr/bin/env python
"""Django's command line for fnshare."""

import os
import sys


def main() -> None:
    """Run a management command with the settings of the environment."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharing.settings")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as problem:
        first = str(problem).strip().partition("\n")[0]
        sys.exit(f"fnshare: the database does not do what was asked (DATABASE_URL): {first}")


if __name__ == "__main__":
    main()
