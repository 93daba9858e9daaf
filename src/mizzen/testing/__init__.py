"""The test kit: what tests of policies, adapters and sidecars need, all on loopback and port zero.

`FakeClock` for code that takes a clock, `EchoBackend` and `GrpcBackend` as services, `ClosingServer` and
`ScriptedHttp2` as broken ones, `FakeMixer` as a Mixer with scripted answers that records what it is asked,
`ProxyProcess` as a real Envoy with the filter inside, `send` for one HTTP request. Every server and process is a
context manager.
"""

from mizzen.agent.child import ChildError
from mizzen.testing.answers import CheckAnswer, QuotaAnswer, Reference, ReportAnswer
from mizzen.testing.clock import FakeClock
from mizzen.testing.echo import EchoBackend, EchoRequest, EchoResponse
from mizzen.testing.grpc_backend import GrpcBackend
from mizzen.testing.http import HttpResponse, send
from mizzen.testing.http2 import CloseConnection, ScriptedHttp2, SendData, SendHeaders, SendReset
from mizzen.testing.mixer import FakeMixer, ReceivedCheck, ReceivedReport
from mizzen.testing.proxy import ProxyProcess
from mizzen.testing.sockets import ClosingServer, unused_port
from mizzen.testing.waiting import wait_until

__all__ = [
    "CheckAnswer",
    "ChildError",
    "CloseConnection",
    "ClosingServer",
    "EchoBackend",
    "EchoRequest",
    "EchoResponse",
    "FakeClock",
    "FakeMixer",
    "GrpcBackend",
    "HttpResponse",
    "ProxyProcess",
    "QuotaAnswer",
    "ReceivedCheck",
    "ReceivedReport",
    "Reference",
    "ReportAnswer",
    "ScriptedHttp2",
    "SendData",
    "SendHeaders",
    "SendReset",
    "send",
    "unused_port",
    "wait_until",
]
