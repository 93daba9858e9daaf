"""Claims of a token that Envoy's jwt_authn has verified are attributes; a payload that a client sends never is."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, ProxyProcess, Reference, send

PAYLOAD = "x-jwt-payload"
AUTH = ("request.auth.principal", "request.auth.claims", "request.auth.raw_claims", "request.auth.audiences")
CLAIMS: Mapping[str, Any] = {
    "iss": "https://issuer.example",
    "sub": "ann",
    "aud": ["shop", "bank"],
    "azp": "app",
    "groups": ["admins", "staff"],
    "level": 7,
    "exp": 4102444800,
}


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def text(value: Mapping[str, Any]) -> str:
    return encode(json.dumps(value).encode())


class Issuer:
    """Signs tokens with keys made for this run."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())

    def keys(self) -> str:
        modulus = self.rsa.public_key().public_numbers()
        point = self.ec.public_key().public_numbers()
        numbers = {"n": encode(modulus.n.to_bytes(256, "big")), "e": encode(modulus.e.to_bytes(3, "big"))}
        place = {"x": encode(point.x.to_bytes(32, "big")), "y": encode(point.y.to_bytes(32, "big"))}
        rs = {"kty": "RSA", "kid": "rs", "alg": "RS256", **numbers}
        es = {"kty": "EC", "kid": "es", "alg": "ES256", "crv": "P-256", **place}
        return json.dumps({"keys": [rs, es]})

    def token(self, algorithm: str, claims: Mapping[str, Any] = CLAIMS) -> str:
        head = {"alg": algorithm, "kid": algorithm[:2].lower(), "typ": "JWT"}
        signed = f"{text(head)}.{text(claims)}"
        if algorithm == "RS256":
            signature = self.rsa.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            r, s = decode_dss_signature(self.ec.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return f"{signed}.{encode(signature)}"


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def proxy(
    backend: EchoBackend, mixer: FakeMixer, filter_config: Mapping[str, Any], issuer: Issuer
) -> Iterator[ProxyProcess]:
    template = Path(__file__).with_name("jwt.yaml").read_text().replace("JWKS", issuer.keys())
    with ProxyProcess(backend.address, mixer.address, filter_config=filter_config, template=template) as process:
        yield process


def bearer(token: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {token}")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_claims_of_a_verified_token_are_told(
    algorithm: str, proxy: ProxyProcess, issuer: Issuer, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    path = f"/strict/{algorithm}"
    assert send(proxy.address, path, headers=[bearer(issuer.token(algorithm))]).status == 200
    report = fresh_mixer.wait_for_report("request.path", path)
    for bag in (fresh_mixer.checks[0].attributes, report):
        assert bag["request.auth.principal"] == "https://issuer.example/ann"
        assert bag["request.auth.audiences"] == "shop"
        assert bag["request.auth.presenter"] == "app"
        assert json.loads(str(bag["request.auth.raw_claims"])) == CLAIMS
        expected = {"iss": CLAIMS["iss"], "sub": "ann", "aud": "shop,bank", "azp": "app", "groups": "admins,staff"}
        assert bag["request.auth.claims"] == expected
        headers = bag["request.headers"]
        assert isinstance(headers, Mapping)
        assert PAYLOAD not in headers
    assert PAYLOAD not in {name for name, _ in backend.requests[-1].headers}


def test_decisions_may_rest_on_a_claim(proxy: ProxyProcess, issuer: Issuer, fresh_mixer: FakeMixer) -> None:
    references = [Reference("request.auth.claims", "sub"), Reference("request.path")]
    fresh_mixer.on_check = CheckAnswer(uses=100, references=references)
    for subject in ("ann", "bob", "ann", "bob"):
        token = issuer.token("RS256", {**CLAIMS, "sub": subject, "iat": time.time_ns()})
        assert send(proxy.address, "/strict/cached", headers=[bearer(token)]).status == 200
    assert len(fresh_mixer.checks) == 2


FORGED = text({**CLAIMS, "sub": "root"})
SENT = {
    "once": [(PAYLOAD, FORGED)],
    "twice": [(PAYLOAD, FORGED), (PAYLOAD, FORGED)],
    "in capitals": [("X-JWT-Payload", FORGED)],
    "empty first": [(PAYLOAD, ""), (PAYLOAD, FORGED)],
}


def assert_nothing_is_believed(path: str, mixer: FakeMixer, backend: EchoBackend) -> None:
    report = mixer.wait_for_report("request.path", path)
    for bag in (mixer.checks[0].attributes, report):
        assert not set(AUTH) & set(bag)
        headers = bag["request.headers"]
        assert isinstance(headers, Mapping)
        assert PAYLOAD not in headers
    assert PAYLOAD not in {name for name, _ in backend.requests[-1].headers}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
@pytest.mark.parametrize("path", ["/lax/forged", "/open/forged", "/failed/forged"])
def test_a_payload_that_a_client_sends_is_not_believed(
    path: str, sent: list[tuple[str, str]], proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    assert send(proxy.address, path, headers=sent).status == 200
    assert_nothing_is_believed(path, fresh_mixer, backend)


def test_a_payload_beside_a_token_that_is_not_valid_is_not_believed(
    proxy: ProxyProcess, issuer: Issuer, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    headers = [(PAYLOAD, FORGED), bearer(issuer.token("RS256", {**CLAIMS, "exp": 1}))]
    assert send(proxy.address, "/failed/expired", headers=headers).status == 200
    assert_nothing_is_believed("/failed/expired", fresh_mixer, backend)


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
def test_a_payload_beside_a_verified_token_gives_way_to_that_of_the_token(
    sent: list[tuple[str, str]], proxy: ProxyProcess, issuer: Issuer, fresh_mixer: FakeMixer
) -> None:
    headers = [*sent, bearer(issuer.token("ES256"))]
    assert send(proxy.address, "/strict/both", headers=headers).status == 200
    assert fresh_mixer.checks[0].attributes["request.auth.principal"] == "https://issuer.example/ann"


def test_a_client_cannot_hide_its_claims_by_sending_them_itself(
    proxy: ProxyProcess, issuer: Issuer, fresh_mixer: FakeMixer
) -> None:
    headers = [(PAYLOAD, text(CLAIMS)), bearer(issuer.token("RS256"))]
    assert send(proxy.address, "/strict/same", headers=headers).status == 200
    assert fresh_mixer.checks[0].attributes["request.auth.principal"] == "https://issuer.example/ann"


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
@pytest.mark.parametrize("provider", ["untold", "unforwarded", "elsewhere", "unmarked", "all"])
def test_a_provider_that_does_not_write_and_tell_its_payload_vouches_for_no_header(
    provider: str,
    sent: list[tuple[str, str]],
    proxy: ProxyProcess,
    issuer: Issuer,
    fresh_mixer: FakeMixer,
    backend: EchoBackend,
) -> None:
    """Each of them has verified the client's own token; none says what is in the header that the client sent."""
    path = f"/{provider}/forged"
    assert send(proxy.address, path, headers=[*sent, bearer(issuer.token("RS256"))]).status == 200
    assert_nothing_is_believed(path, fresh_mixer, backend)


def test_a_padded_payload_is_read_too(proxy: ProxyProcess, issuer: Issuer, fresh_mixer: FakeMixer) -> None:
    claims = {**CLAIMS, "pad": "x"}
    assert len(json.dumps(claims)) % 3 != 0, "the payload must need padding"
    headers = [(PAYLOAD, FORGED), bearer(issuer.token("RS256", claims))]
    assert send(proxy.address, "/padded", headers=headers).status == 200
    assert json.loads(str(fresh_mixer.checks[0].attributes["request.auth.raw_claims"])) == claims


def test_a_payload_that_was_taken_off_counts_in_the_size_of_the_request(
    proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    sizes = []
    for path, sent in (("/lax/1", []), ("/lax/2", SENT["twice"])):
        assert send(proxy.address, path, headers=sent).status == 200
        sizes.append(fresh_mixer.wait_for_report("request.path", path)["request.total_size"])
    plain, forged = sizes
    assert isinstance(plain, int)
    assert forged == plain + 2 * len(PAYLOAD + FORGED)


def test_the_header_is_removed_even_where_nothing_is_asked_or_reported(
    proxy: ProxyProcess, backend: EchoBackend
) -> None:
    assert send(proxy.address, "/off", headers=[(PAYLOAD, text(CLAIMS))]).status == 200
    assert PAYLOAD not in {name for name, _ in backend.requests[-1].headers}


def test_a_request_that_jwt_authn_refuses_is_reported_without_claims(
    proxy: ProxyProcess, issuer: Issuer, fresh_mixer: FakeMixer
) -> None:
    expired = issuer.token("RS256", {**CLAIMS, "exp": 1})
    headers = [bearer(expired), (PAYLOAD, FORGED)]
    assert send(proxy.address, "/strict/expired", headers=headers).status == 401
    report = fresh_mixer.wait_for_report("request.path", "/strict/expired")
    assert report["response.code"] == 401
    assert not set(AUTH) & set(report)
    assert fresh_mixer.checks == []
