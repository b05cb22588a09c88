"""How many examples Hypothesis tries: `ci` unless the environment says `HYPOTHESIS_PROFILE=long`."""

import os

from hypothesis import settings

# The same examples every time: a run that fails has found something, not drawn a bad lot.
settings.register_profile("ci", derandomize=True, deadline=None)
# For an hour at a desk: other examples every time, and what failed is tried again.
settings.register_profile("long", max_examples=5000, stateful_step_count=100, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
