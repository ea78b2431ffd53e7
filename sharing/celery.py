"""The Celery app: `celery -A sharing worker` serves every queue, `celery -A sharing beat` ticks the sweep."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharing.settings")

app = Celery("sharing")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_time_limit=300,
    task_soft_time_limit=280,
    # Far above the hard limit: a message is never handed to a second worker while the first still may hold it.
    broker_transport_options={
        "visibility_timeout": 3600,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "max_retries": 1,
        "interval_start": 0,
        "interval_max": 0.2,
    },
    broker_connection_timeout=2,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    task_default_queue="clicks",
    timezone="UTC",
)
app.conf.beat_schedule = {"sweep": {"task": "sharing.sweep", "schedule": 20.0, "options": {"expires": 20, "queue": "clicks"}}}
app.conf.task_queues = [Queue(name) for name in ("clicks", "checks", "sync", "mail")]
app.autodiscover_tasks(["sharing"])


@setup_logging.connect
def _log_as_everywhere(**_kwargs: Any) -> None:
    """Celery must not replace the log set-up of settings.LOGGING."""
    import logging.config

    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
