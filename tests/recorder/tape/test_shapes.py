"""A shape is the text of a frame with holes, and says itself in words."""

from __future__ import annotations

import pytest

from recorder.tape.shapes import Shape, learn_shape

PAYLOAD = b'{"market":"0xab","price_changes":[{"price":"0.3","asset_id":"7"},{"price":"1","asset_id":"8"}],"v":"2"}'
TEXT = '{"market":"<market>","price_changes":[{"price":"<price>","asset_id":"<asset_id>"}],"v":"2"}'


def test_any_order_of_keys_is_a_shape():
    """A key order, or a key, that was never seen is a shape of its own, and reads back from its text."""
    shape = learn_shape(PAYLOAD)
    assert shape is not None
    assert shape.text == TEXT
    assert Shape.parse(TEXT) == shape
    assert shape.names == {"market", "price", "asset_id"}
    assert (shape.head[1], shape.items and shape.items[1], shape.tail[0]) == (
        ("market",),
        ("price", "asset_id"),
        ('],"v":"2"}',),
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"PONG",
        b'{"asset_id":"7","question":"<b>"}',
        b'{"asset_id":"7","price":"05"}',
        b'{"asset_id":"7","asset_id":"8"}',
        b'{"price":"0.5"}',
        b'{"asset_id":"7","changes":[{"asset_id":"8"}]}',
        b'{"bids":[{"price":"1"}],"asks":[{"price":"1"}],"asset_id":"7"}',
        b'{"changes":[{"asset_id":"8","best_bid":"0","best_ask":"1","spread":"1"}]}',
        '{"asset_id":"7","name":"ü"}'.encode(),
        b'{"asset_id":"' + b"7" * (1 << 20) + b'"}',
    ],
)
def test_what_could_not_be_written_again_has_none(payload):
    """No asset, a value twice or in another spelling, two lists, text that is not ASCII: no shape."""
    assert learn_shape(payload) is None


@pytest.mark.parametrize("text", ["{}", '{"asset_id":"<asset_id>","x":"<what>"}', '[{"market":"<market>"}]<asset_id>'])
def test_a_text_that_is_none_is_refused(text):
    """Only what could have been learnt is read back."""
    with pytest.raises(ValueError, match="no shape"):
        Shape.parse(text)
