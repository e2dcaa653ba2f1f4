"""A checkpoint says of itself what it takes to use it, and nothing in it is executed."""

from pathlib import Path

import pytest
import torch

from songmood.errors import CheckpointError
from songmood.training.card import ModelCard, read_checkpoint

CARD = ModelCard(
    tags=("happy", "sad"),
    features=(),
    mel={"sample_rate": 12_000},
    model={"_target_": "songmood.models.crnn.build_crnn", "filters": [4, 4, 4, 4], "gru_width": 4},
    windows={"window": 96},
    threshold={"name": "elbow"},
    seed=0,
    cache_fingerprint="abc",
)


def saved(path: Path, **changes: object) -> Path:
    torch.save({ModelCard.KEY: CARD.to_plain() | changes, "state_dict": {}}, path)
    return path


def test_a_card_reads_back_without_unpickling_objects(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(saved(tmp_path / "a.ckpt"))
    assert ModelCard.from_plain(checkpoint[ModelCard.KEY], tmp_path / "a.ckpt") == CARD


def test_the_net_is_built_from_the_card_alone() -> None:
    logits = CARD.make_net().eval()(torch.zeros(2, 1, 96, 96), None)
    assert logits.shape == (2, 2)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.ckpt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"bad\.ckpt cannot be read as a checkpoint"):
        read_checkpoint(path)


def test_a_missing_file_and_a_foreign_checkpoint_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*none\.ckpt"):
        read_checkpoint(tmp_path / "none.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match=r"other\.ckpt is not a songmood checkpoint"):
        read_checkpoint(tmp_path / "other.ckpt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tags": ["happy", "epic"]}, r"another tag set: 2 tags there, 2 in this corpus \(epic, sad\)"),
        ({"tags": ["sad", "happy"]}, r"another tag set: .*\(another order\)"),
        ({"windows": {"window": 192}}, r"its windows is window=192 \(here 96\)"),
        ({"seed": 3}, r"its seed is 3 \(here 0\)"),
    ],
)
def test_resuming_as_another_run_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    path = saved(tmp_path / "a.ckpt", **changes)
    with pytest.raises(CheckpointError, match=message):
        CARD.check_resumable(path)


def test_resuming_as_the_same_run_is_not_refused(tmp_path: Path) -> None:
    CARD.check_resumable(saved(tmp_path / "a.ckpt", cache_fingerprint="rebuilt"))


def test_a_card_of_another_schema_or_with_a_gap_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="its model card is not of schema 1"):
        ModelCard.from_plain(CARD.to_plain() | {"schema": 9}, tmp_path)
    plain = CARD.to_plain()
    del plain["mel"]
    with pytest.raises(CheckpointError, match="its model card lacks mel"):
        ModelCard.from_plain(plain, tmp_path)
