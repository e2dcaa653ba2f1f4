"""Checkpoints of nets that score in a millisecond, and music to score."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from songmood.training.card import ModelCard

TAGS = ("mood/theme---calm", "mood/theme---dark", "mood/theme---happy")
WINDOW = 96  # frames, 2.048 s
MEL = {"sample_rate": 12_000, "frame_size": 512, "hop": 256, "num_bands": 96, "floor_db": -200.0}
NET = {"_target_": "songmood.models.crnn.build_crnn", "filters": [4, 4, 4, 4], "gru_width": 4, "hidden": 8}


def write_checkpoint(path: Path, seed: int = 0, **changes: Any) -> Path:
    """A tagger whose scores differ between pieces; `changes` go into its card, tensors into its state."""
    buffers = {name: changes.pop(name) for name in list(changes) if isinstance(changes[name], torch.Tensor)}
    values = {
        "tags": TAGS, "features": (), "mel": MEL, "model": NET, "windows": {"window": WINDOW},
        "threshold": {"name": "elbow"}, "seed": seed, "cache_fingerprint": "none",
    }  # fmt: skip
    card = ModelCard(**values | changes)
    torch.manual_seed(seed)
    net = card.make_net()
    with torch.no_grad():
        for value in net.parameters():
            value.mul_(3.0)  # so that scores are not all near one half
    state = {f"net.{name}": value for name, value in net.state_dict().items()}
    state["thresholds"] = torch.full((len(card.tags),), 0.5)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({ModelCard.KEY: card.to_plain(), "state_dict": state | buffers}, path)
    return path


def write_music(path: Path, seconds: float = 5.0, seed: int = 0, rate: int = 12_000) -> Path:
    """Two tones under a moving filter of noise; another piece for another seed."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    notes = 220 * 2 ** (random.integers(0, 24, 2) / 12)
    tones = sum(np.sin(2 * np.pi * hz * time) for hz in notes) * np.sin(0.7 * time + seed) ** 2
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    soundfile.write(path, 0.2 * tones + 0.02 * random.standard_normal(len(time)), rate, **kind)
    return path
