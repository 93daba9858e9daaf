"""Large and odd configurations arrive as they were written."""

from __future__ import annotations

import json
from typing import Any

from mizzen.testing import EchoBackend, FakeMixer, ProxyProcess, send

# what parsers of YAML take for other things, or for syntax
TEXTS = [
    "y",
    "N",
    "yes",
    "Off",
    "~",
    "",
    "1e3",
    ".5",
    "5.",
    "-1",
    "0x1f",
    "010",
    ".inf",
    "# c",
    "a: b",
    "'q",
    '"',
    "\\",
]
TEXTS += ["a\nb", "\t", " blank ", "ü€😀", "- d", "&a", "*b", "%c", "!e", "@f", "`g", "{h", "[i", "?", "x" * 5000]
FAST = {"report_batch_max_time": "0.05s"}


def test_every_text_of_the_configuration_reaches_the_mixer(backend: EchoBackend, mixer: FakeMixer) -> None:
    mixer.forget()
    attributes = {f"odd.{number}": {"string_value": text} for number, text in enumerate(TEXTS)}
    config: dict[str, Any] = {
        "default_destination_service": "1e3",
        "service_configs": {"1e3": {}},
        "mixer_attributes": {"attributes": attributes},
        "transport": FAST,
    }
    metadata = {"NODE_UID": "y", "NODE_NAMESPACE": "1e3"}
    with ProxyProcess(
        backend.address, mixer.address, filter_config=config, arguments=["--node-metadata", json.dumps(metadata)]
    ) as proxy:
        assert send(proxy.address, "/odd").status == 200
    (check,) = mixer.checks
    assert [check.attributes[f"odd.{number}"] for number in range(len(TEXTS))] == TEXTS
    assert (check.attributes["destination.uid"], check.attributes["destination.namespace"]) == ("y", "1e3")


def test_a_configuration_of_a_megabyte_is_taken(backend: EchoBackend, mixer: FakeMixer) -> None:
    mixer.forget()
    host = "service.example.com" + "x" * 900
    service = {"mixer_attributes": {"attributes": {"destination.service.host": {"string_value": host}}}}
    config: dict[str, Any] = {
        "default_destination_service": "service-999",
        "service_configs": {f"service-{number}": service for number in range(1000)},
        "transport": FAST,
    }
    with ProxyProcess(backend.address, mixer.address, filter_config=config) as proxy:
        assert send(proxy.address, "/large").status == 200
    assert mixer.checks[0].attributes["destination.service.host"] == host
