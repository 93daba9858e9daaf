"""The failure of a whole call, as opposed to a refusal, which is a successful answer."""

from __future__ import annotations

from mizzen.mixer.adapters import Code


class CallError(Exception):
    """The call ends with the gRPC status `code` and `message`; the client applies its retry and fail policy."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
