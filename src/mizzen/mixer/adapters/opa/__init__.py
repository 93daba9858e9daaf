"""opa: decisions of an Open Policy Agent server."""

from mizzen.mixer.adapters.opa.adapter import OpaAdapter
from mizzen.mixer.adapters.opa.params import OpaParams

__all__ = ["OpaAdapter", "OpaParams"]
