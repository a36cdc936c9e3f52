"""Settings of the whole suite."""

from __future__ import annotations

import os

from hypothesis import settings

# No test asks the machine that it runs on for an identity in Azure.
os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = "http://127.0.0.1:9"

# The gate asks the same questions every time and takes no offence at a slow machine; explore on demand:
# HYPOTHESIS_PROFILE=explore python -m pytest tests/core
settings.register_profile("gate", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))
