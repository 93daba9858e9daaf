"""Addresses as users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.agent.address import AddressError, HostPort, parse_host_port, parse_listen_address


@pytest.mark.parametrize(
    ("text", "host", "port", "kind"),
    [
        ("localhost:8080", "localhost", 8080, "STRICT_DNS"),
        ("my_service.default.svc:1", "my_service.default.svc", 1, "STRICT_DNS"),
        ("example.org.:443", "example.org.", 443, "STRICT_DNS"),
        ("10.0.0.1:65535", "10.0.0.1", 65535, "STATIC"),
        ("[::1]:8080", "::1", 8080, "STATIC"),
        ("[2001:db8::7]:80", "2001:db8::7", 80, "STATIC"),
    ],
)
def test_a_host_and_port_are_read(text: str, host: str, port: int, kind: str) -> None:
    parsed = parse_host_port(text)
    assert parsed == HostPort(host, port)
    assert parsed.cluster_type == kind
    assert str(parsed) == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("localhost", "'localhost' has no port"),
        ("", "'' has no port"),
        ("localhost:", "'' is not a port"),
        ("localhost:http", "'http' is not a port"),
        ("localhost:0", "'0' is not a port"),
        ("localhost:65536", "'65536' is not a port"),
        ("localhost:-1", "'-1' is not a port"),
        ("localhost:٣", "'٣' is not a port"),
        (":8080", "'' is not a host"),
        ("::1:8080", "needs brackets"),
        ("[::1:8080", "needs brackets"),
        ("[10.0.0.1]:80", "'10.0.0.1' is not an IPv6 address"),
        ("[fe80::1%eth0]:80", "is not an IPv6 address"),
        ("10.0.0.256:80", "'10.0.0.256' is not a host"),
        ('a"b:80', "is not a host"),
        ("a b:80", "is not a host"),
        ("http://x:80", "needs brackets"),
        ("-x:80", "is not a host"),
    ],
)
def test_what_is_no_address_is_refused_with_what_is_accepted(text: str, complaint: str) -> None:
    with pytest.raises(AddressError) as error:
        parse_host_port(text)
    assert complaint in str(error.value)
    assert "accepted: HOST:PORT" in str(error.value)


@given(st.text(max_size=40))
def test_any_text_is_an_address_that_prints_as_itself_or_an_error(text: str) -> None:
    try:
        parsed = parse_host_port(text)
    except AddressError:
        return
    assert parse_host_port(str(parsed)) == parsed


@pytest.mark.parametrize(("text", "address"), [("127.0.0.1", "127.0.0.1"), ("::", "::"), ("[::1]", "::1")])
def test_listeners_bind_to_ip_addresses(text: str, address: str) -> None:
    assert parse_listen_address(text) == address


@pytest.mark.parametrize("text", ["localhost", "", "127.0.0.1:80", "eth0"])
def test_listeners_do_not_bind_to_names(text: str) -> None:
    with pytest.raises(AddressError, match="is not an IP address; accepted"):
        parse_listen_address(text)
