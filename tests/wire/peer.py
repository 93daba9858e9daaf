"""The other side of the wire, written against the generated classes and sharing no code with the native codec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf.message import Message

from mizzen.wire import GLOBAL_WORDS, Duration, Timestamp, Value
from mizzen.wire.pb.istio.mixer.v1 import attributes_pb2, mixer_pb2

SECOND = 1_000_000_000


class Words:
    """The words of a message being written."""

    def __init__(self, limit: int = len(GLOBAL_WORDS)) -> None:
        self.known = {word: index for index, word in enumerate(GLOBAL_WORDS[:limit])}
        self.own: list[str] = []

    def index(self, word: str) -> int:
        """The word's index; a new one joins the message's words."""
        if word in self.known:
            return self.known[word]
        if word not in self.own:
            self.own.append(word)
        return -self.own.index(word) - 1


def compress(attributes: Mapping[str, Value], words: Words) -> attributes_pb2.CompressedAttributes:
    """A bag as a message; the caller places the words."""
    bag = attributes_pb2.CompressedAttributes()
    for name in sorted(attributes, key=str.encode):
        index, value = words.index(name), attributes[name]
        match value:
            case str():
                bag.strings[index] = words.index(value)
            case bool():
                bag.bools[index] = value
            case int():
                bag.int64s[index] = value
            case float():
                bag.doubles[index] = value
            case bytes():
                bag.bytes[index] = value
            case Timestamp():
                bag.timestamps[index].seconds, bag.timestamps[index].nanos = divmod(value.nanoseconds, SECOND)
            case Duration():
                sign = -1 if value.nanoseconds < 0 else 1
                seconds, nanos = divmod(abs(value.nanoseconds), SECOND)
                bag.durations[index].seconds, bag.durations[index].nanos = sign * seconds, sign * nanos
            case dict():
                for key in sorted(value, key=str.encode):
                    key_index = words.index(key)
                    bag.string_maps[index].entries[key_index] = words.index(value[key])
    return bag


def expand(bag: attributes_pb2.CompressedAttributes, default_words: Sequence[str] = ()) -> dict[str, Value]:
    """A message as a bag."""
    own = list(bag.words) or list(default_words)

    def word(index: int) -> str:
        return GLOBAL_WORDS[index] if index >= 0 else own[-index - 1]

    found: dict[str, Value] = {}
    found |= {word(name): word(value) for name, value in bag.strings.items()}
    for numbers in (bag.int64s, bag.doubles, bag.bools, bag.bytes):
        found |= {word(name): value for name, value in numbers.items()}
    found |= {word(name): Timestamp(t.seconds * SECOND + t.nanos) for name, t in bag.timestamps.items()}
    found |= {word(name): Duration(t.seconds * SECOND + t.nanos) for name, t in bag.durations.items()}
    for name, pairs in bag.string_maps.items():
        found[word(name)] = {word(key): word(value) for key, value in pairs.entries.items()}
    return found


def check_request(attributes: Mapping[str, Value], limit: int = len(GLOBAL_WORDS)) -> bytes:
    """An encoded CheckRequest."""
    words = Words(limit)
    request = mixer_pb2.CheckRequest(attributes=compress(attributes, words), global_word_count=limit)
    request.attributes.words.extend(words.own)
    return request.SerializeToString()


def report_request(records: Sequence[Mapping[str, Value]], *, own_words: bool = False, delta: bool = False) -> bytes:
    """An encoded ReportRequest; the dictionary is shared, or each bag has its own."""
    request = mixer_pb2.ReportRequest(global_word_count=len(GLOBAL_WORDS))
    if not delta:
        request.repeated_attributes_semantics = mixer_pb2.ReportRequest.INDEPENDENT_ENCODING
    words = Words()
    for record in records:
        if own_words:
            words = Words()
        bag = compress(record, words)
        if own_words:
            bag.words.extend(words.own)
        request.attributes.append(bag)
    if not own_words:
        request.default_words.extend(words.own)
    return request.SerializeToString()


def canonical(message: Message) -> bytes:
    """The encoding with map entries in one order, to compare messages by."""
    return message.SerializeToString(deterministic=True)


def references(referenced: mixer_pb2.ReferencedAttributes) -> list[tuple[str, str | None, str]]:
    """Referenced attributes in plain form."""

    def word(index: int) -> str:
        return GLOBAL_WORDS[index] if index >= 0 else referenced.words[-index - 1]

    return [
        (
            word(match.name),
            word(match.map_key) if match.map_key else None,
            mixer_pb2.ReferencedAttributes.Condition.Name(match.condition),
        )
        for match in referenced.attribute_matches
    ]
