"""Compressed attributes to plain values, by the generated classes alone: a second reading beside the native codec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import TypeAlias

from mizzen.wire.pb.istio.mixer.v1 import attributes_pb2, mixer_pb2

# Timestamps (since 1970) and durations are integers of nanoseconds, IP addresses 4 or 16 bytes.
Value: TypeAlias = "str | int | float | bool | bytes | Mapping[str, str]"
Attributes: TypeAlias = dict[str, Value]


# The 222 words of Istio 1.4, with the quotes that four of them really contain; the native codec has its own list.
GLOBAL_WORDS = tuple(resources.files(__package__).joinpath("words.txt").read_text(encoding="utf-8").splitlines())


class WordError(ValueError):
    """An index that is in no dictionary."""


def decode_bag(message: attributes_pb2.CompressedAttributes, default_words: Sequence[str] = ()) -> Attributes:
    """All attributes of one bag; a name that occurs with two types or an unknown index raises `ValueError`."""
    words = message.words or default_words
    bag: Attributes = {}
    for index, value in pairs(message, words):
        name = text(index, words)
        if name in bag:
            raise ValueError(f"attribute {name} occurs with two types")
        bag[name] = value
    return bag


def pairs(message: attributes_pb2.CompressedAttributes, words: Sequence[str]) -> Iterator[tuple[int, Value]]:
    for index, word in message.strings.items():
        yield index, text(word, words)
    yield from message.int64s.items()
    yield from message.doubles.items()
    yield from message.bools.items()
    yield from message.bytes.items()
    for index, time in message.timestamps.items():
        yield index, time.ToNanoseconds()
    for index, duration in message.durations.items():
        yield index, duration.ToNanoseconds()
    for index, entries in message.string_maps.items():
        yield index, {text(key, words): text(value, words) for key, value in entries.entries.items()}


def text(index: int, words: Sequence[str]) -> str:
    """Indexes from 0 are global words, those below 0 count the message's own."""
    known = GLOBAL_WORDS if index >= 0 else words
    slot = index if index >= 0 else -index - 1
    if slot >= len(known):
        raise WordError(f"index {index} is in no dictionary")
    return known[slot]


def decode_report(request: mixer_pb2.ReportRequest) -> list[Attributes]:
    """The bags of a Report, in both encodings: a bag of a delta report lays its values over the one before."""
    semantics = mixer_pb2.ReportRequest.RepeatedAttributesSemantics
    delta = request.repeated_attributes_semantics == semantics.Value("DELTA_ENCODING")
    bags: list[Attributes] = []
    for message in request.attributes:
        bag = decode_bag(message, request.default_words)
        bags.append({**bags[-1], **bag} if delta and bags else bag)
    return bags
