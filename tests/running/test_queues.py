"""A message reaches the queue it was sent to, and only that one."""

from typing import Any

import pytest
from celery import Celery
from kombu import Connection

from sharing.celery import app
from sharing.running import programs

QUEUES = ("clicks", "checks", "sync", "mail")


@pytest.mark.parametrize("queue", QUEUES)
def test_a_task_is_delivered_to_its_own_queue_only(queue: str) -> None:
    with Connection("memory://") as connection:
        channel: Any = connection.default_channel
        for each in app.amqp.queues.values():
            each(channel).declare()
            each(channel).purge()
        app.send_task("sharing.sweep", queue=queue, connection=connection)
        sizes = {name: channel._size(name) for name in QUEUES}
    assert sizes == {name: int(name == queue) for name in QUEUES}


def test_a_worker_started_by_hand_serves_every_queue() -> None:
    assert isinstance(app, Celery)
    assert set(app.amqp.queues) == set(QUEUES)


def test_together_the_workers_serve_every_queue_and_clicks_have_one_without_syncs() -> None:
    served = {name: set(queues.split(",")) for name, (queues, _) in programs.WORKERS.items()}
    assert set.union(*served.values()) == set(QUEUES)
    assert "sync" not in served["worker-clicks"]
    assert "clicks" in served["worker-clicks"]
