"""Where everything lies under a blob root: the one place that builds and reads blob keys.

    mops1/memo/<pipeline id>/<module>--<qualname>[@<logic key>]/<fingerprint or "any">/<digest>/<slot>
    mops1/blob/<aa>/<digest>
    mops1/session/<id>
    mops1/batch/<id>
    mops1/out/<pipeline id>/<module>--<qualname>[@<logic key>]/<digest>/<run id>/<path>

Slots of a memo: ``r<g>`` result of a generation, ``e<n>`` claim of an epoch, ``e<n>.<i>`` its log, ``e<n>.out`` what
its remotes printed.

What a user typed is encoded injectively, case folding included: lower-case letters, digits, ``.`` ``_`` and a single
``-`` stand for themselves, every other byte of the UTF-8 form is ``=xx``. A segment that would be too long is cut and
ends in ``=h`` and its digest. The ``--`` between module and qualname can occur nowhere else, so a pipeline id never
looks like a function.
"""

from typing import Final, final

from blake3 import blake3

from mops.core.blob_key import MAX_KEY_BYTES
from mops.core.errors import InvalidKey

ROOT: Final = "mops1"
RECORDS: Final = (f"{ROOT}/memo/", f"{ROOT}/session/", f"{ROOT}/batch/")
"""Under these prefixes, every blob is an envelope."""
ANY_CODE: Final = "any"
DEFAULT_PIPELINE: Final = "default"
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789._")
_MAX_SEGMENT: Final = 150
_MAX_PIPELINE: Final = 300
_LONGEST_SUFFIX: Final = 24
"""Bytes, encoded; what follows the last dot of a long name and is longer is no suffix."""


def encode_segment(text: str, limit: int = _MAX_SEGMENT) -> str:
    """Encode what a user typed as one key segment of at most ``limit`` bytes. Injective."""
    out, previous = [], 0
    for byte in text.encode("utf-8", "surrogatepass"):
        plain = byte in _PLAIN or (byte == ord("-") and previous != ord("-"))
        out.append(chr(byte) if plain else f"={byte:02x}")
        previous = byte
    if not text.strip("."):
        out = [f"={ord(character):02x}" for character in text] or ["=e"]
    encoded = "".join(out)
    if len(encoded) <= limit:
        return encoded
    return encoded[: limit - 66].rpartition("=")[0][:60] + "=h" + blake3(encoded.encode()).hexdigest()


def decode_segment(segment: str) -> str:
    """Undo ``encode_segment``, as far as the text was not cut."""
    if segment == "=e":
        return ""
    head, *rest = segment.split("=")
    data = head.encode()
    for part in rest:
        if part.startswith("h") or len(part) < 2:  # cut here, or in the middle of the character before
            return data.decode("utf-8", "replace") + "..."
        data += bytes([int(part[:2], 16)]) + part[2:].encode()
    return data.decode("utf-8", "surrogatepass")


def encode_pipeline(pipeline_id: str) -> str:
    """Encode a pipeline id; its slashes nest. Empty parts count."""
    encoded = "/".join(encode_segment(part) for part in pipeline_id.split("/"))
    return encoded if len(encoded) <= _MAX_PIPELINE else encode_segment(pipeline_id)


def function_folder(pipeline_id: str, module: str, qualname: str, logic_key: str | None) -> str:
    """The folder that holds every memo of one function in one pipeline."""
    name = f"{_half(module)}--{_half(qualname)}"
    if logic_key is not None:
        name += f"@{encode_segment(logic_key, 70)}"
    if len(name) > _MAX_SEGMENT + 40:
        name = f"{_half(module[:16])}--=h{blake3(name.encode()).hexdigest()}"
    return f"{ROOT}/memo/{encode_pipeline(pipeline_id)}/{name}"


def _half(text: str) -> str:
    return encode_segment(text, 120).replace("-", "=2d")


def memo_folder(function: str, fingerprint: str | None, digest: str) -> str:
    """The folder of one memo, under the folder of its function. Both digests are hexadecimal."""
    return f"{function}/{fingerprint or ANY_CODE}/{digest}"


def content_key(digest: bytes) -> str:
    """Where a payload or file of that BLAKE3 digest lies."""
    name = digest.hex()
    return f"{ROOT}/blob/{name[:2]}/{name}"


def output_folder(memo_folder: str, run: str) -> str:
    """The folder of the files that one run of a call produces: whatever its code, and whichever attempt it is."""
    function, _, digest = memo_folder.rsplit("/", 2)
    return f"{ROOT}/out/{function.removeprefix(f'{ROOT}/memo/')}/{digest}/{run}"


def output_key(folder: str, path: str, number: int = 1) -> str:
    """Where a file lies that a run calls ``path``: each part of it encoded, and its suffix kept.

    Args:
        folder: of the run.
        path: relative, with slashes.
        number: counts the files that have this path in the run.
    """
    parts = [part for part in path.split("/") if part and part != "."] or ["output"]
    if number > 1:
        folder = f"{folder}/={number}"  # which no encoded part looks like
    *above, last = parts
    key = "/".join([folder, *map(encode_segment, above), encode_file_name(last)])
    return key if len(key) <= MAX_KEY_BYTES else f"{folder}/{encode_file_name(last)}"


def encode_file_name(name: str) -> str:
    """As ``encode_segment``; where it has to be cut, the suffix stays."""
    encoded = encode_segment(name)
    suffix = encode_segment("." + name.rpartition(".")[2])
    if "=h" not in encoded or "." not in name or len(suffix) > _LONGEST_SUFFIX:
        return encoded
    return encode_segment(name, _MAX_SEGMENT - _LONGEST_SUFFIX) + suffix


def session_key(session: str) -> str:
    """Where the heartbeat of a session lies."""
    return f"{ROOT}/session/{session}"


def session_owner(session: str) -> bytes:
    """What the envelope of a heartbeat belongs to."""
    return blake3(session.encode()).digest()


def batch_key(batch: str) -> str:
    """Where the manifest of a submission lies."""
    return f"{ROOT}/batch/{batch}"


def batch_owner(batch: str) -> bytes:
    """What the envelope of a manifest belongs to."""
    return blake3(batch.encode()).digest()


@final
class Memo:
    """The address of everything about one call: its folder, and the digests that its blobs are bound to.

    Attributes:
        folder: key of the memo's folder under the blob root.
        digest: 32 bytes, of function reference, logic key and arguments.
        fingerprint: 32 bytes, of the code that this process would run.
    """

    __slots__ = ("digest", "fingerprint", "folder")

    def __init__(self, folder: str, digest: bytes, fingerprint: bytes) -> None:
        self.folder = folder
        self.digest = digest
        self.fingerprint = fingerprint


def result_slot(generation: int) -> str:
    """The slot of a generation's result."""
    return f"r{generation}"


def claim_slot(epoch: int) -> str:
    """The slot of an epoch's claim."""
    return f"e{epoch}"


def log_slot(epoch: int, position: int) -> str:
    """One slot of an epoch's log; positions count from 1."""
    return f"e{epoch}.{position}"


def output_slot(epoch: int) -> str:
    """The slot of what an epoch's remotes printed."""
    return f"e{epoch}.out"


def is_result(blob_key: str) -> bool:
    """Whether a key is the one of a result slot."""
    slot = blob_key.rpartition("/")[2]
    return slot[:1] == "r" and slot[1:].isdecimal() and blob_key.startswith(f"{ROOT}/memo/")


def is_lasting(blob_key: str) -> bool:
    """Whether what lies under a key is no matter of who runs what: a result, or something that one refers to."""
    return is_result(blob_key) or blob_key.startswith((f"{ROOT}/blob/", f"{ROOT}/out/"))


def memo_from_folder(folder: str, fingerprint: bytes = bytes(32)) -> Memo:
    """The memo that lies in a folder, as a remote or the command line is given it.

    Raises:
        InvalidKey: it is not the folder of a memo.
    """
    parts = folder.split("/")
    try:
        digest = bytes.fromhex(parts[-1])
    except ValueError:
        digest = b""
    if parts[:2] != [ROOT, "memo"] or len(parts) < 6 or len(digest) != 32 or "--" not in parts[-3]:
        raise InvalidKey(f"not the folder of a memo: {folder}")
    return Memo(folder, digest, fingerprint)


def describe_folder(folder: str) -> tuple[str, str, str | None]:
    """Pipeline id, ``module:qualname`` and logic key of a memo's folder, for people."""
    *pipeline, function, _, _ = folder.split("/")[2:]
    name, _, logic_key = function.partition("@")
    module, _, qualname = name.partition("--")
    reference = f"{decode_segment(module)}:{decode_segment(qualname)}"
    return "/".join(map(decode_segment, pipeline)), reference, decode_segment(logic_key) if logic_key else None
