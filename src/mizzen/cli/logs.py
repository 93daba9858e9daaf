"""The log of a process: one line per event on standard error, as text or as JSON.

The level may change while the process runs; loggers that exist already follow.
"""

from __future__ import annotations

import sys

import structlog

from mizzen.loglevel import LOG_LEVEL


def configure_logs(level: str, *, json: bool) -> None:
    """Sets structlog up for this process. `level` is one of `mizzen.loglevel.LEVELS`."""
    LOG_LEVEL.change(level)
    processors: list[structlog.typing.Processor] = [
        LOG_LEVEL.filter,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if json:
        processors += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        processors.append(
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            )
        )
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger("debug"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
