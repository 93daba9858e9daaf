"""Types and run-time values of the attribute expression language.

The eleven types are those of the protocol's `ValueType`; the run-time form of each is the one the wire codec hands out.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol, TypeAlias

from mizzen.wire import Duration, Timestamp


class ValueType(Enum):
    """Type of an attribute or expression; numbers and names are those of `istio.policy.v1beta1.ValueType`."""

    UNSPECIFIED = 0
    STRING = 1
    INT64 = 2
    DOUBLE = 3
    BOOL = 4
    TIMESTAMP = 5
    IP_ADDRESS = 6
    EMAIL_ADDRESS = 7
    URI = 8
    DNS_NAME = 9
    DURATION = 10
    STRING_MAP = 11

    @classmethod
    def from_name(cls, name: str) -> ValueType:
        """The type that a manifest's `value_type` names. Raises ValueError that lists what is accepted."""
        if name == "VALUE_TYPE_UNSPECIFIED":
            return cls.UNSPECIFIED
        try:
            return cls[name]
        except KeyError:
            accepted = ", ".join(kind.name for kind in cls if kind is not cls.UNSPECIFIED)
            raise ValueError(f"unknown value type {name!r}; accepted: {accepted}") from None

    def __str__(self) -> str:
        return "VALUE_TYPE_UNSPECIFIED" if self is ValueType.UNSPECIFIED else self.name


Value: TypeAlias = str | int | float | bool | bytes | Timestamp | Duration | Mapping[str, str]
"""Run-time value: IP_ADDRESS is 4 or 16 bytes in network order; DNS_NAME, EMAIL_ADDRESS and URI are text; times are
integer nanoseconds."""

TEXT_TYPES = frozenset({ValueType.STRING, ValueType.DNS_NAME, ValueType.EMAIL_ADDRESS, ValueType.URI})
"""Types whose run-time value is a `str`."""


class AttributeSource(Protocol):
    """Where an expression reads attributes. A Check call records every question as a referenced attribute."""

    def get(self, name: str, /) -> Value | None:
        """The attribute's value, or None when it is absent."""

    def get_key(self, name: str, key: str, /) -> str | None:
        """The value of one key of a string map; None when the map or the key is absent.

        An absent map is recorded as such, a present one only by the key. Raises TypeError for an attribute that is not
        a map.
        """

    def has(self, name: str, /) -> bool:
        """Whether the attribute is present. A present string map leaves no record, so that its keys may follow."""
