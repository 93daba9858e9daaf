"""The test kit: what tests of policies, adapters and sidecars need, all on loopback and port zero.

`FakeClock` for code that takes a clock, `EchoBackend`, `GrpcBackend` and `TcpBackend` as services, `ClosingServer` and
`ScriptedHttp2` as broken ones, `FakeMixer` as a Mixer with scripted answers that records what it is asked,
`ProxyProcess` as a real Envoy with the filter inside, `send` for one HTTP request. `AdapterRun` runs an adapter
without a server, `LocalMixer` is a real Mixer in the process; `assert_allowed`, `assert_refused` and `assert_failed`
judge what they answer (docs/adapter-sdk.md). Every server and process is a context manager.

Inside, `connections` is what the TCP servers have in common, `process` what the processes of `mizzen` have, and `bags`
reads reported attributes without the native codec, so that a fault there cannot hide itself.
"""

from mizzen.agent.child import ChildError
from mizzen.mixer.adapters.testing import InvalidParamsError
from mizzen.testing.adapter_run import AdapterRun, build_instance
from mizzen.testing.answers import CheckAnswer, QuotaAnswer, Reference, ReportAnswer
from mizzen.testing.clock import FakeClock
from mizzen.testing.echo import EchoBackend, EchoRequest, EchoResponse
from mizzen.testing.envoy import EnvoyProcess
from mizzen.testing.grpc_backend import GrpcBackend
from mizzen.testing.http import HttpResponse, send
from mizzen.testing.http2 import CloseConnection, ScriptedHttp2, SendData, SendHeaders, SendReset
from mizzen.testing.local_mixer import FaultyConfigurationError, LocalMixer
from mizzen.testing.mixer import FakeMixer, ReceivedCheck, ReceivedReport
from mizzen.testing.mixer_process import MixerProcess
from mizzen.testing.outcomes import CheckOutcome, Granted, assert_allowed, assert_failed, assert_refused
from mizzen.testing.proxy import ProxyProcess
from mizzen.testing.sockets import ClosingServer, unused_port
from mizzen.testing.tcp import TcpBackend
from mizzen.testing.waiting import wait_until

__all__ = [
    "AdapterRun",
    "CheckAnswer",
    "CheckOutcome",
    "ChildError",
    "CloseConnection",
    "ClosingServer",
    "EchoBackend",
    "EchoRequest",
    "EchoResponse",
    "EnvoyProcess",
    "FakeClock",
    "FakeMixer",
    "FaultyConfigurationError",
    "Granted",
    "GrpcBackend",
    "HttpResponse",
    "InvalidParamsError",
    "LocalMixer",
    "MixerProcess",
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
    "TcpBackend",
    "assert_allowed",
    "assert_failed",
    "assert_refused",
    "build_instance",
    "send",
    "unused_port",
    "wait_until",
]
