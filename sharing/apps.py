"""The one Django app. Loading it loads Celery's app, so that sharing/__init__.py can stay empty."""

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class SharingConfig(AppConfig):
    """Project and app in one package."""

    name = "sharing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Configure the logs and make Celery's app the current one."""
        from sharing import celery, logs  # noqa: F401

        logs.configure()
        connection_created.connect(_end_silent_transactions)


def _end_silent_transactions(connection: Any, **_: Any) -> None:
    """PostgreSQL waits for hours for a machine that is gone without a word, and threads that nobody can end for its locks.

    No transaction of ours talks to anybody but the database, so that one that is silent for so long has lost its process.
    """
    if connection.vendor == "postgresql":
        connection.connection.execute("SET idle_in_transaction_session_timeout = '5min'")  # psycopg's: no query of a page
