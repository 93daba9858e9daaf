"""The kit's own reading of compressed attributes, on the protocol's golden messages."""

from __future__ import annotations

import pytest

from mizzen.testing.bags import GLOBAL_WORDS, decode_bag, decode_report
from mizzen.wire.pb.istio.mixer.v1 import attributes_pb2, mixer_pb2

REQUEST = (
    "0a052f6563686f0a176b756265726e657465733a2f2f7765622d312e64656d6f"
    "1204080610031204082210011205082610b401120608860210b8012a0508e2021000"
)
ALL_TYPES = (
    "0a096f726967696e2e69700a052f6563686f0a03722d310a0b72657472792e64656c74610a0573636f72651205082610b4011a0d080710"
    "ffffffffffffffffff011a05083c10c8011a0608ae0210903f220b0809110000000000e058402a0508d80210012a0508e2021001320f08"
    "30120b0880dea0cb051080e59a773a09083a120510c096b102420808011204c00002214208080012040a0000074a18081e12140a050840"
    "10b4010a04084210030a0508cc011005"
)
REPORT = (
    "0a2b120508fa011003120608860210f801120508d60210011a0608fc0110ac02320b088a0212060880dea0cb050a39120508fa01100312"
    "0608860210f801120508d60210051a0508fc011000320b088a0212060882dea0cb053a0d088402120808021080cab5ee0112046f70656e"
    "120475312d371205636c6f736518de012001"
)


def test_the_global_words_are_those_of_the_protocol() -> None:
    assert len(GLOBAL_WORDS) == len(set(GLOBAL_WORDS)) == 222
    assert [GLOBAL_WORDS[index] for index in (0, 94, 134, 218, 221)] == [
        "source.ip",
        "'200'",
        "0",
        '"-"',
        "context.proxy_version",
    ]


def test_a_bag_of_texts_is_read() -> None:
    message = attributes_pb2.CompressedAttributes.FromString(bytes.fromhex(REQUEST))
    assert decode_bag(message) == {
        "connection.mtls": False,
        "context.protocol": "http",
        "request.method": "GET",
        "request.path": "/echo",
        "source.uid": "kubernetes://web-1.demo",
    }


def test_a_bag_of_all_types_is_read() -> None:
    message = attributes_pb2.CompressedAttributes.FromString(bytes.fromhex(ALL_TYPES))
    assert decode_bag(message) == {
        "check.cache_hit": True,
        "connection.mtls": True,
        "destination.port": 8080,
        "origin.ip": bytes.fromhex("c0000221"),
        "request.headers": {":method": "GET", ":path": "/echo", "x-request-id": "r-1"},
        "request.method": "GET",
        "request.time": 1_500_000_000_250_000_000,
        "response.code": 200,
        "response.duration": 5_000_000,
        "retry.delta": -1,
        "score": 99.5,
        "source.ip": bytes.fromhex("0a000007"),
    }


def test_bags_of_a_report_stand_alone_or_lie_over_each_other_by_its_encoding() -> None:
    request = mixer_pb2.ReportRequest.FromString(bytes.fromhex(REPORT))
    alone = decode_report(request)
    assert [bag["connection.event"] for bag in alone] == ["open", "close"]
    assert alone[1]["connection.duration"] == 2_500_000_000
    del request.attributes[1].strings[125]
    assert "connection.id" not in decode_report(request)[1]
    request.repeated_attributes_semantics = mixer_pb2.ReportRequest.DELTA_ENCODING
    assert decode_report(request)[1]["connection.id"] == "u1-7"


@pytest.mark.parametrize("index", [222, -1, -5])
def test_an_index_in_no_dictionary_is_an_error(index: int) -> None:
    message = attributes_pb2.CompressedAttributes()
    message.bools[index] = True
    with pytest.raises(ValueError, match=f"index {index} is in no dictionary"):
        decode_bag(message)


def test_a_name_with_two_types_is_an_error() -> None:
    message = attributes_pb2.CompressedAttributes()
    message.bools[3] = True
    message.int64s[3] = 1
    with pytest.raises(ValueError, match=r"source\.uid occurs with two types"):
        decode_bag(message)
