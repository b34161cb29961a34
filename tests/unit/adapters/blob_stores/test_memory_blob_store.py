"""What the store in memory does beyond the contract: forks."""

import os
import signal
from uuid import uuid4

from mops.adapters.blob_stores import memory
from mops.adapters.blob_stores.memory import MemoryBlobStore


def test_a_forked_child_writes_while_a_thread_of_its_parent_was_writing():
    store = MemoryBlobStore(uuid4().hex)
    store.put("before", b"1")
    with memory._registry.lock, store._blobs.lock:  # as a thread does that the child will not have
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # whoever waits for ever is killed
            store.put("after", b"2")
            read = MemoryBlobStore(store._name).get("before"), store.get("after")
            os._exit(0 if read == (b"1", b"2") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get("after") is None
