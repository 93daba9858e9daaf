from __future__ import annotations

import pytest

from mizzen.mixer.expr import RecordedAttributes
from mizzen.mixer.runtime.overlay import Overlay


def test_generated_values_fill_what_the_request_lacks_and_replace_nothing() -> None:
    view = Overlay(RecordedAttributes({"source.name": "request"}))
    view.add({"source.name": "generated", "source.owner": "generated", "source.labels": {"a": "b"}})
    view.add({"source.owner": "later"})
    assert view.get("source.name") == "request"
    assert view.get("source.owner") == "generated"
    assert view.get_key("source.labels", "a") == "b"
    assert view.get_key("source.labels", "c") is None
    assert view.has("source.owner")
    assert not view.has("source.uid")


def test_only_what_reaches_the_request_leaves_a_reference() -> None:
    request = RecordedAttributes({"source.uid": "u"})
    view = Overlay(request, {"source.labels": {"a": "b"}})
    view.get_key("source.labels", "a")
    view.get("source.uid")
    assert [reference.name for reference in request.references()] == ["source.uid"]


def test_a_key_of_something_that_is_no_map_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        Overlay(RecordedAttributes({}), {"source.name": "n"}).get_key("source.name", "k")
