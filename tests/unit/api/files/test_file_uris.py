"""URIs of files: one spelling for each, and the root and key that they name."""

import os
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mops.adapters.blob_stores.local import LocalBlobStore
from mops.api.file_uris import canonical, file_uri, final_name, in_root, path_of, place_in_store, under
from mops.core.errors import ConfigurationError

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
PATHS = st.lists(NAMES.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=4).map("/".join)


@given(PATHS)
def test_a_uri_leads_back_to_its_path(path):
    assert path_of(file_uri(f"/{path}")) == f"/{path}"
    assert canonical(file_uri(f"/{path}")) == file_uri(f"/{path}")
    assert canonical(f"file://localhost/{quote(path, safe='')}") == file_uri(f"/{path}")


@given(st.binary(min_size=1, max_size=8).filter(lambda name: not set(name) & {0, 47} and name.strip(b".")))
def test_a_name_that_is_no_text_has_a_uri_too(name):
    path = os.fsdecode(b"/" + name)
    assert path_of(file_uri(path)) == path
    assert final_name(file_uri(path)) == path[1:]


@given(PATHS)
def test_a_file_under_a_root_is_spelled_as_its_store_does(path):
    store, key = LocalBlobStore(f"/{path}"), "mops1/out/default/m--f@v=20/ab/r/a=20b.txt"
    assert file_uri(f"/{path}/{key}") == f"{store.uri}/{key}" == under(store.uri, key)
    assert in_root(f"{store.uri}/{key}") == (store.uri, key)


@pytest.mark.parametrize(
    "uri", ["file:///data/a.txt", "file:///root/mops1/memo/p/f/any/d/r0", "file:///root/mops1/out/UPPER", "mops1/out/a"]
)
def test_what_is_under_no_root_is_said(uri):
    assert in_root(uri) is None


def test_a_path_that_an_output_has_in_its_run_may_look_like_a_root():
    key = "mops1/out/p/m--f/ab/r/mops1/out/a.txt"
    assert in_root(f"memory://name/{key}") == ("memory://name", key)


def test_other_stores_are_named_by_their_scheme_and_place():
    assert place_in_store("memory://name/deep/a.txt") == ("memory://name", "deep/a.txt")
    assert place_in_store("adls://account/container/deep/a.txt") == ("adls://account/container", "deep/a.txt")
    assert place_in_store("adls://account/container/prefix/mops1/blob/ab/abcd") == (
        "adls://account/container/prefix",
        "mops1/blob/ab/abcd",
    )
    for uri in ("memory://name", "memory://name/", "memory://name/a//b"):
        with pytest.raises(ConfigurationError, match="names no file"):
            place_in_store(uri)


@pytest.mark.parametrize("uri", ["file:///", "memory://name/", "file:///a/..", "file:///a%2Fb"])
def test_what_has_no_final_name_is_refused(uri):
    with pytest.raises(ConfigurationError, match="names no file"):
        final_name(uri)


@pytest.mark.parametrize("uri", ["a.txt", "/a.txt", "file://host/a.txt", "file:a"])
def test_what_is_no_uri_of_this_machine_is_refused(uri):
    with pytest.raises(ConfigurationError):
        canonical(uri)
