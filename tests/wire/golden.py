"""The golden examples of the protocol: bytes, and what they say.

Every encoding is in the canonical order: attributes by name, map entries by ascending index.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mizzen.wire import Duration, Timestamp, Value

BAG_A: dict[str, Value] = {
    "connection.mtls": False,
    "context.protocol": "http",
    "request.method": "GET",
    "request.path": "/echo",
    "source.uid": "kubernetes://web-1.demo",
}

BAG_B: dict[str, Value] = {
    "check.cache_hit": True,
    "connection.mtls": True,
    "destination.port": 8080,
    "origin.ip": bytes.fromhex("c0000221"),
    "request.headers": {":method": "GET", ":path": "/echo", "x-request-id": "r-1"},
    "request.method": "GET",
    "request.time": Timestamp(1_500_000_000_250_000_000),
    "response.code": 200,
    "response.duration": Duration(5_000_000),
    "retry.delta": -1,
    "score": 99.5,
    "source.ip": bytes.fromhex("0a000007"),
}

REPORTED: list[dict[str, Value]] = [
    {
        "connection.event": "open",
        "connection.id": "u1-7",
        "connection.received.bytes": 300,
        "context.protocol": "tcp",
        "context.time": Timestamp(1_500_000_000_000_000_000),
    },
    {
        "connection.duration": Duration(2_500_000_000),
        "connection.event": "close",
        "connection.id": "u1-7",
        "connection.received.bytes": 0,
        "context.protocol": "tcp",
        "context.time": Timestamp(1_500_000_002_000_000_000),
    },
]

REPORT = bytes.fromhex(
    "0a2b120508fa011003120608860210f801120508d60210011a0608fc0110ac02"
    "320b088a0212060880dea0cb050a39120508fa011003120608860210f8011205"
    "08d60210051a0508fc011000320b088a0212060882dea0cb053a0d0884021208"
    "08021080cab5ee0112046f70656e120475312d371205636c6f736518de012001"
)


@dataclass(frozen=True)
class Compressed:
    """A bag and its CompressedAttributes for a peer that knows so many global words."""

    name: str
    attributes: dict[str, Value]
    encoded: bytes
    words: list[str]
    global_word_count: int = 222


COMPRESSED = [
    Compressed(
        "bag A",
        BAG_A,
        bytes.fromhex(
            "0a052f6563686f0a176b756265726e657465733a2f2f7765622d312e64656d6f"
            "1204080610031204082210011205082610b401120608860210b8012a0508e202"
            "1000"
        ),
        ["/echo", "kubernetes://web-1.demo"],
    ),
    Compressed(
        "bag B with all types",
        BAG_B,
        bytes.fromhex(
            "0a096f726967696e2e69700a052f6563686f0a03722d310a0b72657472792e64"
            "656c74610a0573636f72651205082610b4011a0d080710ffffffffffffffffff"
            "011a05083c10c8011a0608ae0210903f220b0809110000000000e058402a0508"
            "d80210012a0508e2021001320f0830120b0880dea0cb051080e59a773a09083a"
            "120510c096b102420808011204c00002214208080012040a0000074a18081e12"
            "140a05084010b4010a04084210030a0508cc011005"
        ),
        ["origin.ip", "/echo", "r-1", "retry.delta", "score"],
    ),
    Compressed(
        "bag A for a peer with the base words",
        BAG_A,
        bytes.fromhex(
            "0a0f636f6e6e656374696f6e2e6d746c730a10636f6e746578742e70726f746f"
            "636f6c0a052f6563686f0a176b756265726e657465733a2f2f7765622d312e64"
            "656d6f1205080310b8011204080610071204082210051205082610b4012a0408"
            "011000"
        ),
        ["connection.mtls", "context.protocol", "/echo", "kubernetes://web-1.demo"],
        global_word_count=111,
    ),
]


@dataclass(frozen=True)
class Check:
    """A CheckRequest around bag A."""

    name: str
    encoded: bytes
    quotas: dict[str, tuple[int, bool]] = field(default_factory=dict)


DEDUPLICATION_ID = "5f0c1b0e-0000-4000-8000-0000000000010"

_CHECK = bytes.fromhex(
    "0a420a052f6563686f0a176b756265726e657465733a2f2f7765622d312e6465"
    "6d6f1204080610031204082210011205082610b401120608860210b8012a0508"
    "e202100010de011a2535663063316230652d303030302d343030302d38303030"
    "2d30303030303030303030303130"
)

CHECKS = [
    Check("without quota", _CHECK),
    Check(
        "with a quota",
        _CHECK + bytes.fromhex("22120a0c52657175657374436f756e7412020805"),
        {"RequestCount": (5, False)},
    ),
    Check(
        "with a quota fetched ahead",
        _CHECK + bytes.fromhex("22140a0c52657175657374436f756e741204080a1001"),
        {"RequestCount": (10, True)},
    ),
]

ALLOWED = bytes.fromhex("12261202080518904e2a1d0a06782d7465616d1204081410021206081e10022001120508cc021001")
"""OK for 5 s and 10,000 uses; depends on target.name, the header x-team, and the absence of request.api_key."""

DENIED = bytes.fromhex(
    "12300a06080712026e6f1202080118ffffffffffffffffff01321712120a086c"
    "6f636174696f6e12062f6c6f67696e18ae021a160a0c52657175657374436f75"
    "6e7412060a02083c1003"
)
"""PERMISSION_DENIED `no` for 1 s without limit of uses, redirect to /login; 3 of RequestCount for 60 s."""
