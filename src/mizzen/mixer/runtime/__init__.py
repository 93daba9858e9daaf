"""The runtime: configuration resolved to a snapshot, and calls dispatched against it.

Words: a *snapshot* is everything resolved at one moment; a *route* is what one rule does in one use (check, report,
quota, attribute generation); a *step* is one instance that goes to one handler; *last good* is the newest version
without a fault.

The way of the configuration: `compile` (resources to `configured`), `live` (handlers), `routing` with its `index`, all
called by `snapshot`; `controller` follows the store and exchanges snapshots. The way of a call: `dispatch`, which uses
`identity`, `preprocess`, `combine`, `directive` and `quota`.
"""

from mizzen.mixer.runtime.controller import Controller
from mizzen.mixer.runtime.dispatch import Dispatcher
from mizzen.mixer.runtime.failure import CallError
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.runtime.snapshot import Snapshot

__all__ = ["CallError", "Controller", "Dispatcher", "Inventory", "RuntimeMetrics", "Snapshot"]
