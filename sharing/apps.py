"""The one Django app. Loading it loads Celery's app, so that sharing/__init__.py can stay empty."""

from django.apps import AppConfig


class SharingConfig(AppConfig):
    """Project and app in one package."""

    name = "sharing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Configure the logs and make Celery's app the current one."""
        from sharing import celery, logs  # noqa: F401

        logs.configure()
