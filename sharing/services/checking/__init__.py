"""Proving access: a DryRun made as a named principal of the consumer, its verdict beside what AWS was told."""

from .asking import due, put, renew_others, request
from .running import Outcome, run
from .trials import Trial

__all__ = ["Outcome", "Trial", "due", "put", "renew_others", "request", "run"]
