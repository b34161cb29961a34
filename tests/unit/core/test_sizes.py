"""Numbers of bytes as people write them."""

import pytest

from mops.core.errors import ConfigurationError
from mops.core.sizes import size_of


@pytest.mark.parametrize(
    ("written", "size"),
    [
        *((0, 0), (1024, 1024), ("1024", 1024), ("5B", 5), ("500MB", 500_000_000), ("1.5GiB", 3 << 29)),
        *(("64Gi", 64 << 30), (" 2 TiB", 2 << 40), ("10KB", 10_000), ("10Ki", 10_240)),
    ],
)
def test_a_size_is_a_number_with_a_unit_or_without(written, size):
    assert size_of(written, "memory") == size


@pytest.mark.parametrize("wrong", ["", "lots", "5 apples", "-1", -1, "Gi", "nan", "inf", None, "1GIB"])
def test_what_is_no_size_is_refused_by_the_name_of_its_setting(wrong):
    with pytest.raises(ConfigurationError, match="memory must be a number of bytes"):
        size_of(wrong, "memory")
