"""Parameters of opa."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from mizzen.config import DurationNs, SpecModel, invalid
from mizzen.mixer.adapters.client_tls import ClientTls
from mizzen.mixer.adapters.opa.rule_path import rule_path

_OF_A_SERVER = ("server_url", "policy", "bearer_token", "tls")


def _check_method(text: str) -> str:
    try:
        rule_path(text)
    except ValueError:
        raise invalid(
            "is not the path of a rule",
            'data.<package>.<rule>, such as data.mixerauthz.allow or data.shop["web-app"].allow',
        ) from None
    return text


def _check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        complete = False
    if not complete or parts.username or parts.query or parts.fragment:
        raise invalid("is not the URL of a server", "http(s)://host:port without user, query and fragment")
    return text.rstrip("/")


class OpaParams(SpecModel):
    """Who decides is an OPA server (`server_url`), or the Mixer itself by a compiled policy (`bundle`).

    `policy` holds Rego modules that the handler puts on the server; without it the server has its own (bundles).
    `fail_close` says what happens without a decision: refuse, or allow.
    """

    server_url: Annotated[str, AfterValidator(_check_url)] = "http://localhost:8181"
    bundle: str = ""
    check_method: Annotated[str, AfterValidator(_check_method)]
    policy: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    fail_close: bool = False
    timeout: DurationNs = Field(default=500_000_000, ge=1_000_000)
    bearer_token: SecretStr = SecretStr("")
    tls: ClientTls = ClientTls()
    caching_interval: DurationNs = Field(default=0, ge=0)
    caching_use_count: int = Field(default=0, ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _one_place(self) -> OpaParams:
        others = [name for name in _OF_A_SERVER if name in self.model_fields_set]
        if "bundle" in self.model_fields_set and others:
            raise invalid(f"has bundle and {others[0]}", "a bundle for the Mixer itself, or an OPA server")
        return self
