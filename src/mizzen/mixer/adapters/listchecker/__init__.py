"""listchecker: white lists and black lists."""

from mizzen.mixer.adapters.listchecker.adapter import ListAdapter
from mizzen.mixer.adapters.listchecker.params import EntryType, ListParams

__all__ = ["EntryType", "ListAdapter", "ListParams"]
