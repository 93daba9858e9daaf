"""The golden examples hold, through the native codec and through the generated classes."""

from __future__ import annotations

import base64

import pytest

from mizzen.wire import (
    CheckCall,
    HeaderOperation,
    QuotaParams,
    QuotaResult,
    ReportCall,
    RouteDirective,
    decode_attributes,
    encode_attributes,
    encode_check_request,
    encode_report_request,
)
from mizzen.wire.pb.istio.mixer.v1 import attributes_pb2, mixer_pb2

from . import golden, peer
from .golden import Check, Compressed

compressed = pytest.mark.parametrize("case", golden.COMPRESSED, ids=lambda case: case.name)
checks = pytest.mark.parametrize("case", golden.CHECKS, ids=lambda case: case.name)


@compressed
def test_the_native_codec_encodes_a_bag_to_the_golden_bytes(case: Compressed) -> None:
    assert encode_attributes(case.attributes, global_word_count=case.global_word_count) == case.encoded


@compressed
def test_the_native_codec_decodes_the_golden_bytes(case: Compressed) -> None:
    assert decode_attributes(case.encoded) == case.attributes


@compressed
def test_the_generated_classes_read_the_golden_bytes(case: Compressed) -> None:
    bag = attributes_pb2.CompressedAttributes.FromString(case.encoded)
    assert list(bag.words) == case.words
    assert peer.expand(bag) == case.attributes


@compressed
def test_the_generated_classes_give_the_golden_message(case: Compressed) -> None:
    words = peer.Words(case.global_word_count)
    bag = peer.compress(case.attributes, words)
    bag.words.extend(words.own)
    assert bag == attributes_pb2.CompressedAttributes.FromString(case.encoded)


@checks
def test_a_check_is_read(case: Check) -> None:
    call = CheckCall(case.encoded)
    assert call.bag().to_dict() == golden.BAG_A
    assert call.deduplication_id == golden.DEDUPLICATION_ID
    assert call.global_word_count == 222
    assert call.quotas == {name: QuotaParams(*asked) for name, asked in case.quotas.items()}


@checks
def test_a_check_is_written(case: Check) -> None:
    quotas = {name: QuotaParams(*asked) for name, asked in case.quotas.items()}
    encoded = encode_check_request(golden.BAG_A, deduplication_id=golden.DEDUPLICATION_ID, quotas=quotas)
    assert encoded == case.encoded


@checks
def test_the_generated_classes_read_a_check(case: Check) -> None:
    request = mixer_pb2.CheckRequest.FromString(case.encoded)
    assert peer.expand(request.attributes) == golden.BAG_A
    assert {name: (asked.amount, asked.best_effort) for name, asked in request.quotas.items()} == case.quotas
    assert (request.global_word_count, request.deduplication_id) == (222, golden.DEDUPLICATION_ID)


def test_a_report_is_read() -> None:
    call = ReportCall(golden.REPORT)
    assert [bag.to_dict() for bag in call.bags()] == golden.REPORTED
    assert (len(call), call.errors) == (2, [])


def test_a_report_is_written() -> None:
    assert encode_report_request(golden.REPORTED) == golden.REPORT


def test_the_generated_classes_read_a_report() -> None:
    request = mixer_pb2.ReportRequest.FromString(golden.REPORT)
    assert list(request.default_words) == ["open", "u1-7", "close"]
    assert request.repeated_attributes_semantics == mixer_pb2.ReportRequest.INDEPENDENT_ENCODING
    assert [peer.expand(bag, request.default_words) for bag in request.attributes] == golden.REPORTED


def test_an_answer_that_allows_has_the_golden_bytes() -> None:
    call = CheckCall(encode_check_request({"target.name": "t", "request.headers": {"x-team": "blue"}}))
    assert call.get("target.name") == "t"
    assert call.get_key("request.headers", "x-team") == "blue"
    assert call.get("request.api_key") is None
    call.reply(valid_for=5, uses=10000)
    assert call.response() == golden.ALLOWED


def test_an_answer_that_denies_has_the_golden_bytes() -> None:
    call = CheckCall(golden.CHECKS[1].encoded)
    directive = RouteDirective((), [HeaderOperation("location", "/login")], 302)
    quotas = {"RequestCount": QuotaResult(3)}
    call.reply(7, "no", valid_for=1, uses=-1, directive=directive, quotas=quotas)
    assert call.response() == golden.DENIED


@pytest.mark.parametrize(
    ("attributes", "header"),
    [
        ({"source.uid": "kubernetes://web-1.demo"}, "CicKCnNvdXJjZS51aWQSGRIXa3ViZXJuZXRlczovL3dlYi0xLmRlbW8="),
        (
            {"source.uid": "kubernetes://web-1.demo", "destination.service.host": "echo.demo.svc"},
            "CisKGGRlc3RpbmF0aW9uLnNlcnZpY2UuaG9zdBIPEg1lY2hvLmRlbW8uc3ZjCicKCnNvdXJjZS51aWQSGRIXa3ViZXJuZXRlczovL3dlYi0xLmRlbW8=",
        ),
        ({"source.uid": ""}, "ChAKCnNvdXJjZS51aWQSAhIA"),
    ],
)
def test_the_generated_classes_read_a_forwarding_header(attributes: dict[str, str], header: str) -> None:
    forwarded = attributes_pb2.Attributes.FromString(base64.b64decode(header))
    assert {name: value.string_value for name, value in forwarded.attributes.items()} == attributes
    assert all(value.WhichOneof("value") == "string_value" for value in forwarded.attributes.values())
