"""Structured logs: one JSON object a line, the same from web, worker and commands."""

import logging
import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

#: What opens something and stands in an address, also in the one that signing in leads back to: an invitation's token, the
#: key of a link to choose a password, what the provider sends back along with somebody.
_SECRETS = (
    re.compile(r"((?:/|%2f)invitation(?:/|%2f))[^/%?#&\s\"'\\]+", re.IGNORECASE),
    re.compile(r"((?:/|%2f)password(?:/|%2f)reset(?:/|%2f)key(?:/|%2f))(?!done\b)[^/%?#&\s\"'\\]+", re.IGNORECASE),
    re.compile(r"((?:[?&]|%3f|%26)(?:code|id_token|logout_token)(?:=|%3d))[^&#%\s\"'\\]+", re.IGNORECASE),
)


def hide_tokens(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Whoever reads the logs opens nothing with them."""
    return {key: _hidden(value) for key, value in event.items()}


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        for secret in _SECRETS:
            value = secret.sub(r"\1...", value)
    return value


def configure() -> None:
    """Send structlog's events through the standard library's handlers."""
    structlog.configure(
        processors=[
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def formatter() -> logging.Formatter:
    """The formatter named by settings.LOGGING."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, structlog.processors.format_exc_info],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            hide_tokens,
            structlog.processors.JSONRenderer(),
        ],
    )
