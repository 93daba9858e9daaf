"""Parameters of stdio."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from mizzen.config import SpecModel
from mizzen.config.kinds import by_name_or_number


class Stream(enum.IntEnum):
    """Where lines go."""

    STDOUT = 0
    STDERR = 1
    FILE = 2
    ROTATED_FILE = 3


class Level(enum.IntEnum):
    """The level of a line, in rising order."""

    INFO = 0
    WARNING = 1
    ERROR = 2


LevelField = Annotated[Level, by_name_or_number(Level)]

DEFAULT_SEVERITY_LEVELS: Mapping[str, Level] = {
    **dict.fromkeys(["INFORMATIONAL", "informational", "INFO", "info"], Level.INFO),
    **dict.fromkeys(["WARNING", "warning", "WARN", "warn"], Level.WARNING),
    **dict.fromkeys(["ERROR", "error", "ERR", "err", "FATAL", "fatal"], Level.ERROR),
}


class StdioParams(SpecModel):
    """A given `severity_levels` replaces the default map as a whole; a severity that is not in it means INFO.

    A rotated file is closed and renamed once it has `max_megabytes_before_rotation` or is `max_days_before_rotation`
    old; 0 switches either off. `max_rotated_files` old files are kept, 0 keeps all.
    """

    log_stream: Annotated[Stream, by_name_or_number(Stream)] = Stream.STDOUT
    severity_levels: Mapping[str, LevelField] = Field(default_factory=lambda: dict(DEFAULT_SEVERITY_LEVELS))
    metric_level: LevelField = Level.INFO
    output_as_json: bool = True
    output_level: LevelField = Level.INFO
    output_path: str = ""
    max_megabytes_before_rotation: int = Field(default=100, ge=0, le=2**31 - 1)
    max_days_before_rotation: int = Field(default=30, ge=0, le=2**31 - 1)
    max_rotated_files: int = Field(default=1000, ge=0, le=2**31 - 1)
