"""How handlers are called, so that a bad adapter hurts only the calls that need it.

Words: a *call* is one call of an adapter's method; it is *open* until it has ended, also when nobody waits for it any
more; a *waiting* method is asynchronous or may block. `caller` puts the parts together: `quarantine` (who may be
called), `threads` (blocking methods), `loop` (asynchronous ones), `timers` (time limits), `waiting` (a call of the
Mixer that goes on when its answers are there, without a thread that waits).
"""

from mizzen.mixer.calling.caller import Caller
from mizzen.mixer.calling.errors import HandlerError, QuarantinedError, described
from mizzen.mixer.calling.quarantine import Admission, Quarantine
from mizzen.mixer.calling.threads import Threads
from mizzen.mixer.calling.timers import Timers
from mizzen.mixer.calling.waiting import Run, Waits, drive, failed, resolve

__all__ = [
    "Admission",
    "Caller",
    "HandlerError",
    "Quarantine",
    "QuarantinedError",
    "Run",
    "Threads",
    "Timers",
    "Waits",
    "described",
    "drive",
    "failed",
    "resolve",
]
