"""What every test file may use."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes share two cores
os.environ.setdefault("WANDB_MODE", "offline")

import pytest

REFERENCE = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference material beside the checkout; users do not have it."""
    if not (REFERENCE / "jamendo").is_dir():
        pytest.skip(f"needs the reference data at {REFERENCE}, which only the project's own CI has")
    return REFERENCE
