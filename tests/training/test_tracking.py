"""W&B is online where a key is set and offline where not, and never asks."""

from pathlib import Path

import pytest
import torch
from pytorch_lightning.loggers import TensorBoardLogger

from songmood.errors import ConfigError
from songmood.training.tracking import has_key, hyperparameters, log_results, wandb_logger


@pytest.fixture
def no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path / "netrc"


def test_without_a_key_there_is_none(no_key: Path) -> None:
    assert not has_key()
    no_key.write_text("machine example.org login a password b\n")
    assert not has_key()
    no_key.write_text("this is no netrc file")
    assert not has_key()


def test_a_key_is_found_in_the_environment_or_in_netrc(no_key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_key.write_text("machine api.wandb.ai login user password secret\n")
    assert has_key()
    no_key.unlink()
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    assert has_key()


def test_an_unknown_mode_and_online_without_a_key_are_refused(no_key: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"logger\.wandb\.mode=perhaps: expected one of auto, online, offline"):
        wandb_logger(str(tmp_path), "songmood", "perhaps")
    with pytest.raises(ConfigError, match="no W&B key is set: set WANDB_API_KEY"):
        wandb_logger(str(tmp_path), "songmood", "online")


def test_without_a_key_the_logger_is_offline(no_key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    logger = wandb_logger(str(tmp_path), "songmood")
    assert logger._offline


@pytest.mark.parametrize(
    ("said", "is_offline"), [("offline", True), ("disabled", True), ("online", False), (None, False)]
)
def test_with_a_key_the_environment_decides(
    no_key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, is_offline: bool
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    if said is not None:
        monkeypatch.setenv("WANDB_MODE", said)
    assert wandb_logger(str(tmp_path), "songmood")._offline == is_offline
    assert wandb_logger(str(tmp_path), "songmood", "offline")._offline


def test_hyperparameters_are_the_configuration_and_the_size_of_the_net() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    net[0].weight.requires_grad_(False)
    assert hyperparameters({"seed": 3}, net) == {"seed": 3, "params": {"total": 11, "trainable": 5, "frozen": 6}}


def test_tensorboard_shows_hyperparameters_beside_the_final_numbers(tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path, "", default_hp_metric=False)
    logger.log_hyperparams({"seed": 3})
    log_results([logger], {"seed": 3}, {"test": {"roc_auc_macro": 0.75, "num_tracks": 8}}, [], [])
    logger.finalize("success")
    (events,) = tmp_path.rglob("events.out.tfevents.*")
    content = events.read_bytes()
    assert b"_hparams_/session_start_info" in content
    assert b"final/test/roc_auc_macro" in content
