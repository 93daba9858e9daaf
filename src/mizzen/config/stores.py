"""What the Mixer asks of a store of resources."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from mizzen.config.store import StoreState


class Store(Protocol):
    """Not for use from several threads at once."""

    @property
    def default_namespace(self) -> str:
        """Whose rules apply to every request."""

    def load(self) -> StoreState:
        """The state as it is now. Raises OSError when the store cannot be read."""

    def watch(self) -> AsyncIterator[StoreState]:
        """Every later state that differs from the one before; looks first."""
