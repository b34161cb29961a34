"""How tests run: no property is a matter of time, a failure can be repeated, and nothing is left in anybody's cache."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("mops", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mops")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
