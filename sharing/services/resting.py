"""Quiet hours: whether the schedule may ask AWS anything now. What a person asks for comes at any hour."""

from datetime import datetime

from django.conf import settings


def resting(now: datetime) -> bool:
    """Whether these are the quiet hours, in which the schedule begins nothing."""
    return settings.QUIET_HOURS is not None and settings.QUIET_HOURS.covers(now)
