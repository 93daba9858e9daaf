"""Adapters and templates from outside the package: from folders, followed while the Mixer runs, and entry points.

Words: a *module* is one file or package of a folder; its *objects* are the adapters and templates it defines; *last
good* is the newest version without a fault, which stays in force. Read `modules` (text to objects), `faults` (what an
adapter must be), `folder` (versions of all modules), `catalog` (everything together, as an inventory).
"""

from mizzen.mixer.extensions.catalog import Catalog
from mizzen.mixer.extensions.entry_points import installed

__all__ = ["Catalog", "installed"]
