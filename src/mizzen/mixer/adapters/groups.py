"""Records of one Report that an adapter may take together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mizzen.mixer.templates import Instance


@dataclass(slots=True)
class InstanceGroup:
    """`count` instances that are equal, except that `numbers`, if given, has the value of each instead of `value`.

    Numbers are those of a metric in the order of the records; durations are in seconds.
    """

    instance: Instance
    count: int = 1
    numbers: Sequence[float] | None = None
