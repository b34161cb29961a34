"""Every store behaves as a dict does, whatever is done to it, and so all of them agree."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mops.adapters.blob_stores.local import LocalBlobStore, files
from mops.adapters.blob_stores.memory import MemoryBlobStore

KEYS = (
    "c",
    "cc",
    "c-/x",
    "c.",
    "d/-",
    "d/a/x",
    "d/a-/x",
    "d/a0",
    "d/a",
    "e/f/g",
    "e/f",
    "mops1/memo/x/r0",
    "mops1/memo/x/r1",
)
PLAIN_KEYS = tuple(key for key in KEYS if not any(other.startswith(f"{key}/") for other in KEYS))
TEXTS = st.sampled_from((*KEYS, "", "d", "d/", "d/a/", "c-", "mops1/", "..", "z")) | st.text("acde/-.0", max_size=5)
SIZES = st.integers(0, 20) | st.sampled_from((65535, 65536, 65537, 4 << 20))
PARTS = st.lists(st.tuples(st.sampled_from((b"x", b"y")), SIZES), max_size=3).map(
    lambda runs: [Run(byte, size) for byte, size in runs]
)


class Run(bytes):
    """Equal bytes, which a failing example prints in a few letters."""

    def __new__(cls, byte, size):
        return super().__new__(cls, byte * size)

    def __repr__(self):
        return f"Run({bytes(self[:1])!r}, {len(self)})"


class StoresAgree(RuleBasedStateMachine):
    """Some stores and a dict; each rule does the same to all, an answer that differs fails."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.stores = self.stores_to_compare()
        self.blobs = {}

    def stores_to_compare(self):
        named = LocalBlobStore(str(self.folder / "named"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "ANONYMOUS", 0)
            named.put("asks/once", b"")
            named.delete("asks/once")
        return [MemoryBlobStore(str(self.folder)), LocalBlobStore(str(self.folder / "nameless")), named]

    def teardown(self):
        shutil.rmtree(self.folder)

    @rule(key=st.sampled_from(PLAIN_KEYS), parts=PARTS)
    def create(self, key, parts):
        content = b"".join(parts)
        wanted = {True} if key not in self.blobs else {False}
        if self.blobs.setdefault(key, content) == content:
            wanted.add(True)  # equal bytes of an earlier call may count as ours
        for store in self.stores:
            assert store.put_if_absent(key, *parts) in wanted

    @rule(key=st.sampled_from(PLAIN_KEYS), parts=PARTS)
    def put(self, key, parts):
        self.blobs[key] = b"".join(parts)
        for store in self.stores:
            store.put(key, *parts)

    @rule(key=st.sampled_from(KEYS))
    def delete(self, key):
        self.blobs.pop(key, None)
        for store in self.stores:
            store.delete(key)

    @rule(key=st.sampled_from(KEYS))
    def get(self, key):
        for store in self.stores:
            assert store.get(key) == self.blobs.get(key)

    @rule(prefix=TEXTS, after=TEXTS)
    def list(self, prefix, after):
        wanted = sorted((k, len(v)) for k, v in self.blobs.items() if k.startswith(prefix) and k > after)
        for store in self.stores:
            assert [(info.key, info.size) for info in store.list(prefix, after=after)] == wanted

    @precondition(lambda self: self.blobs)
    @invariant()
    def everything_is_there(self):
        for store in self.stores:
            assert {info.key: store.get(info.key) for info in store.list()} == self.blobs


StoresAgree.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
TestStoresAgree = StoresAgree.TestCase
