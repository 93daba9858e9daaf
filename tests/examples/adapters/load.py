"""The adapters of the examples, loaded as a Mixer loads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mizzen.mixer.extensions.modules import load_module

EXAMPLES = Path(__file__).parents[3] / "examples" / "adapters"


def adapter_of(file: Path, name: str) -> Any:
    """The class with that name."""
    loaded = load_module(file)
    if loaded.error is not None:
        raise loaded.error
    return next(one.extension for one in loaded.objects if getattr(one.extension, "__name__", "") == name)
