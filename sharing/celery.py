"""The Celery app: `celery -A sharing worker` serves every queue, `celery -A sharing beat` ticks the sweep."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_ready
from django_structlog.celery.steps import DjangoStructLogInitStep
from kombu import Exchange, Queue
from kombu.transport import redis as over_redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharing.settings")

app = Celery("sharing")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # Tasks wait for AWS, not for the processor; as many as have seats (sharing/tasks/seats.py).
    worker_pool="threads",
    worker_concurrency=24,
    # A thread cannot be ended, and Celery's time limits mean nothing to it. So nothing waits for ever: every call has a
    # time-out (AWS, broker, mail, database), work that takes longer goes in slices, and rows have leases.
    # Far above what any task takes: a message is never handed to a second worker while the first still may hold it.
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
    task_default_exchange="fnshare",
    task_default_routing_key="clicks",
    timezone="UTC",
)
# Each queue has a routing key of its own: with the default one, every message would be delivered to all of them.
app.conf.task_queues = [Queue(name, Exchange("fnshare"), routing_key=name) for name in ("clicks", "checks", "sync", "mail")]
app.autodiscover_tasks(["sharing"])
# Tasks run in the log context of whoever queued them: the request id of a click is in every line that comes of it.
app.steps["worker"].add(DjangoStructLogInitStep)


class _Taken(over_redis.QoS):
    """The messages that a worker has taken and not yet acknowledged.

    Celery 5.7 dies when it acknowledges or gives back a message after the broker went away in the middle of a task. Such a
    message is lost with its broker, or given back by its time-out; rows are the outbox, so the sweep finds the work.
    """

    def ack(self, delivery_tag: str) -> None:
        """Done with it."""
        if not self._is_orphaned:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Not done with it, and another one should (requeue) or should not try."""
        if not self._is_orphaned:
            super().reject(delivery_tag, requeue=requeue)

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Give back everything, at the end of a worker or of a connection."""
        if not self._is_orphaned:
            super().restore_unacked_once(stderr)

    @property
    def _is_orphaned(self) -> bool:
        """Whether the connection that brought them is gone for good; a new one has messages of its own."""
        transport = self.channel.connection
        return transport is None or transport.client is None


over_redis.Channel.QoS = _Taken


@setup_logging.connect
def _log_as_everywhere(**_kwargs: Any) -> None:
    """Celery must not replace the log set-up of settings.LOGGING."""
    import logging.config

    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@worker_ready.connect
def _sweep_at_once(**_kwargs: Any) -> None:
    """What waited for a worker is looked for when one comes up, not only at beat's next tick."""
    app.send_task("sharing.sweep", queue="clicks", expires=20, retry=False)
