"""A store as a process sees it."""

from types import SimpleNamespace

import pytest

from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.core.effects import Get
from mops.core.errors import StoreUnavailable
from mops.runtime.clock import SystemClock
from mops.runtime.execution import Execution
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


@pytest.mark.parametrize(("uri", "waited"), [("file:///a", 0.0), ("s3://bucket/a", 45.0)])
def test_who_asks_a_far_store_is_told_how_long_it_took_to_fail(uri, waited):
    class Clock(SystemClock):
        now = 0.0

        def monotonic(self):
            return self.now

    class Store(MemoryBlobStore):
        @property
        def uri(self):
            return uri

        def get(self, key, /):
            Clock.now += 45.0
            raise StoreUnavailable("no answer")

    world = World(Store("world"), Clock(), print, 10.0, lambda store: None)
    for asking in (world, Execution(SimpleNamespace(world=world), needs_slot=False)):
        with pytest.raises(StoreUnavailable) as caught:
            asking.perform(Get("key"))
        assert caught.value.waited == waited
