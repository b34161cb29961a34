"""The shipped laws explain their failures as tests of this tree do."""

import pytest

pytest.register_assert_rewrite("mops.testing")
