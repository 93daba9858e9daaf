"""A real Mixer decides about TCP connections and counts their bytes."""

from __future__ import annotations

from mizzen.testing import MixerProcess, ProxyProcess, send, wait_until
from mizzen.testing.tcp import TcpBackend, carries_data

# The last report of a connection tells all its bytes.
COUNT = """\
apiVersion: config.istio.io/v1alpha2
kind: rule
metadata: {name: count-bytes}
spec:
  match: context.protocol == "tcp" && (connection.event | "") == "close"
  actions:
  - handler: prometheus
    instances: [received]
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: {name: received}
spec:
  compiledTemplate: metric
  params:
    value: connection.received.bytes_total | 0
    dimensions: {client: 'source.ip | ip("0.0.0.0")'}
---
apiVersion: config.istio.io/v1alpha2
kind: handler
metadata: {name: prometheus}
spec:
  compiledAdapter: prometheus
  params:
    metrics:
    - name: tcp_received_bytes
      instance_name: received.instance.istio-system
      kind: COUNTER
      label_names: [client]
"""
REFUSE = """\
apiVersion: config.istio.io/v1alpha2
kind: rule
metadata: {name: refuse}
spec:
  match: context.protocol == "tcp" && source.ip == ip("127.0.0.1")
  actions:
  - handler: refuse
    instances: [nothing]
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: {name: nothing}
spec: {compiledTemplate: checknothing}
---
apiVersion: config.istio.io/v1alpha2
kind: handler
metadata: {name: refuse}
spec:
  compiledAdapter: denier
  params: {status: {code: 7, message: not here}, validDuration: 60s, validUseCount: 1000}
"""


def test_rules_decide_about_connections_and_count_their_bytes(tcp_backend: TcpBackend) -> None:
    config = {"transport": {"report_batch_max_time": "0.05s"}}
    with (
        MixerProcess({"count.yaml": COUNT}) as mixer,
        ProxyProcess(tcp_backend.address, mixer.address, tcp_port=0, tcp_filter_config=config) as proxy,
    ):
        assert [carries_data(proxy.tcp_address) for _ in range(3)] == [True] * 3
        line = 'tcp_received_bytes{client="127.0.0.1"} 15'
        wait_until(lambda: line in send(mixer.monitoring, "/metrics").text, "the bytes of three connections")
        mixer.save("refuse.yaml", REFUSE)
        wait_until(lambda: not carries_data(proxy.tcp_address), "the new rule's effect")
        remote = "mizzen.tcp_mixer_filter.total_remote_calls"
        before = proxy.stats()[remote]
        assert not carries_data(proxy.tcp_address)
        assert proxy.stats()[remote] - before <= 1
