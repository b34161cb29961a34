"""Finding past calls: by their address, or all under a prefix, in one store or in several layers.

Of a call that several layers know, one layer tells: the one whose result a lookup would come to. Without any result,
that is the first, whatever runs or failed in the layers behind it.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby

from mops.api.records.history import PastCall
from mops.core.blob_layout import ROOT, encode_pipeline, result_slot
from mops.core.errors import InvalidKey
from mops.core.ports.blob_store import BlobInfo, BlobStore, SupportsLayers


def past_call(store: BlobStore, folder: str) -> PastCall:
    """What is stored under the folder of a memo, which may be nothing; of several layers, in the one that counts.

    Raises:
        InvalidKey: it is not the folder of a memo.
        StoreError: the store cannot be read.
    """
    first, *behind = (_listed(layer, folder) for layer in _layers_of(store))
    return _decisive([first, *filter(_has_results, behind)])


def past_calls(store: BlobStore, prefix: str = f"{ROOT}/memo/") -> Iterator[PastCall]:
    """Every call under a key prefix, in the order of keys; foreign blobs are passed over.

    Reads no blob, but of calls that several layers know.

    Raises:
        StoreError: at any step of the iteration.
    """
    first, *behind = (_grouped(layer, layer.list(prefix)) for layer in _layers_of(store))
    if not behind:
        return first
    calls = merge(first, *(filter(_has_results, calls) for calls in behind), key=_place)
    return (_decisive(list(same)) for _, same in groupby(calls, _place))


def layer_of(store: BlobStore, folder: str) -> BlobStore:
    """The store that tells of a memo: of several layers, the one whose result counts.

    Raises:
        InvalidKey, StoreError: as ``past_call``, where there are several.
    """
    return past_call(store, folder).store if isinstance(store, SupportsLayers) else store


def _layers_of(store: BlobStore) -> Sequence[BlobStore]:
    return store.layers if isinstance(store, SupportsLayers) else (store,)


def _listed(store: BlobStore, folder: str) -> PastCall:
    return PastCall(store, folder, {info.key.rpartition("/")[2]: info for info in store.list(f"{folder}/")})


def _has_results(past: PastCall) -> bool:
    """Whether it counts in a layer behind the first: who runs what there is no matter of these layers."""
    return result_slot(0) in past.blobs


def _place(past: PastCall) -> str:
    return f"{past.memo.folder}/"


def _decisive(layers: Sequence[PastCall]) -> PastCall:
    """Of what several layers know of one call, the one that a lookup would come to."""
    found, generation = layers[0], 0
    while len(layers) > 1:
        holder = next((past for past in layers if result_slot(generation) in past.blobs), None)
        if holder is None:
            break
        found = holder
        if found.read(result_slot(generation)).kind != "tombstone":
            break
        generation += 1
    return found


def _grouped(store: BlobStore, infos: Iterable[BlobInfo]) -> Iterator[PastCall]:
    for folder, group in groupby(infos, lambda info: info.key.rpartition("/")[0]):
        try:
            yield PastCall(store, folder, {info.key.rpartition("/")[2]: info for info in group})
        except InvalidKey:
            continue


def pipeline_prefix(pipeline_id: str) -> str:
    """The key prefix of the calls of a pipeline, and of those nested in it."""
    return f"{ROOT}/memo/{encode_pipeline(pipeline_id)}/"
