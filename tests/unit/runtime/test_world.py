"""A store as a process sees it."""

import pytest

from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.runtime.clock import SystemClock
from mops.runtime.world import World


@pytest.mark.parametrize(
    ("uri", "is_far"),
    [
        ("file:///a", False),
        ("memory://a", False),
        ("s3://bucket/a", True),
        ("adls://account/container", True),
        ("layers:file:///a|file:///b", False),
        ("layers:file:///a|gs://bucket/b", True),
    ],
)
def test_a_look_goes_over_a_network_where_one_of_the_layers_is_reached_by_it(uri, is_far):
    class Store(MemoryBlobStore):
        @property
        def uri(self):
            return uri

    assert World(Store("world"), SystemClock(), print, 10.0, lambda store: None).is_far is is_far
