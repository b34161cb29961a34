"""How random tests run: no property is a matter of time, and a failure can be repeated."""

from hypothesis import HealthCheck, settings

settings.register_profile("mops", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mops")
