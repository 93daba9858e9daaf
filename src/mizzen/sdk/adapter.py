"""The base of adapters outside of the Mixer's own package."""

from __future__ import annotations

from typing import ClassVar

from mizzen.config import SpecModel
from mizzen.mixer.adapters import Adapter as BaseAdapter

Params = SpecModel
"""Base of the parameters: a pydantic model that is strict, frozen and refuses unknown fields. Fields are named in
snake_case and may be written in lowerCamelCase as well."""


class Adapter(BaseAdapter):
    """An adapter whose plain methods run on threads of the handler, because they may wait for a network or a disk.

    Set `blocking = False` where all plain methods only compute: they are then called at once, which is faster but
    cannot be interrupted. `async def` methods run on the handler's event loop in any case.
    """

    blocking: ClassVar[bool] = True
