"""The failure of a whole call, as opposed to a refusal, which is a successful answer."""

from __future__ import annotations

from collections.abc import Sequence

from mizzen.mixer.adapters import Code


class CallError(Exception):
    """The call ends with the gRPC status `code` and `message`; the client applies its retry and fail policy.

    `failed_by` names the handlers or instances that are the reason.
    """

    def __init__(self, code: Code, message: str, failed_by: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.failed_by = failed_by
