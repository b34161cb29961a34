"""Code as one blob: a matter of names and contents alone, and refused whatever else it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mops.core.code_tree import FORMAT, Shipped, differing_versions, pack_tree, shipped_in, unpack_tree
from mops.core.errors import CorruptBlob, FormatTooNew
from mops.core.shared import pack


def blob_of(*names, stated=FORMAT):
    header = json.dumps({"format": stated, "names": names}).encode()
    return b"".join(pack([header, *(b"" for _ in names)]))


def joined(files):
    return b"".join(pack_tree(files))


@given(st.dictionaries(st.sampled_from(["a.py", "p/a.py", "p/q/é.json", "p/\udc80"]), st.binary(max_size=99)))
def test_the_files_come_back(files):
    assert {name: bytes(content) for name, content in unpack_tree(joined(files)).items()} == files


def test_the_order_in_which_files_are_found_does_not_count():
    assert joined({"a.py": b"1", "b.py": b"2"}) == joined({"b.py": b"2", "a.py": b"1"})
    assert joined({"a.py": b"1", "b.py": b"2"}) != joined({"a.py": b"2", "b.py": b"1"})


def test_the_bytes_of_a_tree_are_frozen():
    header = b'{"format":"mops code 1","names":["a.py","p/__init__.py"]}'
    rows = b"".join(number.to_bytes(8, "little") for number in (3, 64, len(header), 128, 1, 192, 0))
    assert joined({"p/__init__.py": b"", "a.py": b"1"}) == (
        rows.ljust(64, b"\0") + header.ljust(64, b"\0") + b"1".ljust(64, b"\0")
    )


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../a.py", "p/../../a.py", "p//a.py", "./a.py", "p/", "a\0.py", "\ud800.py", ".."]
)
def test_no_name_leads_out_of_the_folder(name):
    with pytest.raises(CorruptBlob, match="cannot be read"):
        unpack_tree(blob_of(name))


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        joined({})[:-1],
        b"".join(pack([])),
        b"".join(pack([b"no json"])),
        b"".join(pack([b"[]"])),
        b"".join(pack([b'{"format":"mops code 1","names":["a.py"]}'])),
        b"".join(pack([b'{"format":"mops code 1","names":[1]}', b""])),
        blob_of("a.py", stated="something else"),
        blob_of("a.py", "a.py"),
        blob_of("a.py", "a.py/b.py"),
    ],
)
def test_what_is_no_code_tree_is_refused(blob):
    with pytest.raises(CorruptBlob):
        unpack_tree(blob)


def test_a_later_format_is_named():
    with pytest.raises(FormatTooNew, match="mops code 2"):
        unpack_tree(blob_of("a.py", stated="mops code 2"))


def test_packages_come_whole_and_namespaces_in_parts():
    packages = ["pkg/__init__.py", "pkg/deep/__init__.py", "ns/pkg/__init__.py"]
    shipped = shipped_in(["tool.py", "pkg/data.json", "ns/in/mod.py", "x/y.txt", *packages])
    assert shipped == Shipped(frozenset({"tool", "pkg", "ns.in.mod", "ns.pkg"}), frozenset({"ns", "ns.in"}))
    assert shipped.has("pkg.deep.gone")
    assert shipped.has("ns.pkg.a")
    assert not shipped.has("ns.other")
    assert not shipped.has("pkgs")


def test_versions_that_differ_are_a_table():
    ours = {"numpy": "2.1.0", "python": "3.13.1", "unrelated": "1"}
    assert differing_versions({"numpy": "2.1.0"}, ours) == ""
    assert differing_versions({"python": "3.11.2", "numpy": "1.26.4", "six": "1.0"}, ours) == (
        "what is installed differs:\n"
        "  distribution  orchestrator  remote\n"
        "  numpy         1.26.4        2.1.0\n"
        "  python        3.11.2        3.13.1\n"
        "  six           1.0           none"
    )
