"""stdio: logs and metrics as lines."""

from mizzen.mixer.adapters.stdio.adapter import StdioAdapter
from mizzen.mixer.adapters.stdio.params import Level, StdioParams, Stream

__all__ = ["Level", "StdioAdapter", "StdioParams", "Stream"]
