"""Test invoke: a real call of a function through an invoker role, off until somebody connects one.

`ask` writes a row, `run` (a worker) makes the one call, `sweep` ends what a dead worker left and empties what is over.
A call is never repeated by itself; payload, answer and log live 15 minutes and are shown to the asker alone.
"""

from .asking import ask
from .doors import consumer_doors, is_on, may_ask, owner_door, shared_with
from .payloads import MOST_BYTES, payload_of
from .running import run
from .sweeping import due, sweep
from .telling import for_consumer, for_owner

__all__ = [
    "MOST_BYTES",
    "ask",
    "consumer_doors",
    "due",
    "for_consumer",
    "for_owner",
    "is_on",
    "may_ask",
    "owner_door",
    "payload_of",
    "run",
    "shared_with",
    "sweep",
]
