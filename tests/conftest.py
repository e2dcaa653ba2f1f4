"""What every test file may use."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes share two cores
os.environ.setdefault("WANDB_MODE", "offline")

import pytest
from hypothesis import HealthCheck, settings

# The same examples every time, however slow the machine; `pytest --hypothesis-profile=search` looks for new ones.
settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("search", deadline=None, max_examples=1_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")

REFERENCE = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference material beside the checkout; users do not have it."""
    if not (REFERENCE / "jamendo").is_dir():
        pytest.skip(f"needs the reference data at {REFERENCE}, which only the project's own CI has")
    return REFERENCE
