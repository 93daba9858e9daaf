"""Property tests draw the same examples in every run, so that a failure can be repeated and none comes by luck.

`HYPOTHESIS_PROFILE=explore make test` draws new ones. No profile limits the time of an example: a busy machine is no
fault.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.kubernetes.fixtures"]

settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
