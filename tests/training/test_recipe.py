"""The parts of a recipe in whole runs: each alone by one override, and all together, resumed to the same last bit."""

from pathlib import Path

import pytest
import torch

from songmood.errors import CheckpointError, ConfigError
from songmood.models.augment.chain import Chain
from songmood.models.augment.level import Gain
from songmood.models.augment.mixup import Mixup
from songmood.models.crnn import build_crnn
from songmood.runs.settings import check_parts
from songmood.training.card import read_checkpoint
from songmood.training.checkpoints import LAST
from tiny import TINY_NET, train_here, write_corpus

TINY_TRUE = ("speed.precision=32-true", "data.window=96")
ALL = (
    "augment=[mixup,spec_augment,gain,noise,shift]",
    "loss=weighted_bce",
    "optimizer=sgd",
    "optimizer.lr=0.05",
    "scheduler=cosine",
    "averaging=swa",
    "averaging.share=0.5",
    "+model.standardise=true",
    "+trainer.gradient_clip_val=0.25",
    "trainer.max_epochs=4",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def state(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = read_checkpoint(folder / "checkpoints" / LAST)["state_dict"]
    return found


def test_all_parts_together_resume_to_the_same_last_bit(corpus: Path, tmp_path: Path) -> None:
    train_here(corpus, tmp_path / "whole", *TINY_TRUE, *ALL)
    kill = "+callbacks.kill={_target_: toy_training.Kill, epoch: 3}"
    with pytest.raises(Exception, match=r"^$"):
        train_here(corpus, tmp_path / "half", *TINY_TRUE, *ALL, kill)
    last = f"ckpt_path={tmp_path}/half/checkpoints/{LAST}"
    train_here(corpus, tmp_path / "rest", *TINY_TRUE, *ALL, last)
    whole, rest = state(tmp_path / "whole"), state(tmp_path / "rest")
    assert whole.keys() == rest.keys()
    for name, value in whole.items():
        assert torch.equal(value, rest[name]), name
    assert whole["net.input_standardiser.mean"] < -20  # the corpus's level
    assert whole["loss.frequency"].tolist() == pytest.approx([6 / 12, 4 / 12, 8 / 12])
    for name in ("predictions.npy", "decisions.npy", "metrics.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "rest" / name).read_bytes()


def test_a_run_goes_on_with_its_own_parts_only_and_further_than_it_was_to(corpus: Path, tmp_path: Path) -> None:
    train_here(corpus, tmp_path / "run", "scheduler=cosine", "trainer.max_epochs=1")
    further = (f"ckpt_path={tmp_path}/run/checkpoints/{LAST}", "trainer.max_epochs=2")
    with pytest.raises(CheckpointError, match=r"its scheduler is _target_=\S+Schedule \(here None\)") as raised:
        train_here(corpus, tmp_path / "other", *further)  # it would train at a rate of zero
    assert "\n" not in str(raised.value)
    train_here(corpus, tmp_path / "further", *further, "scheduler=cosine")


@pytest.mark.parametrize("model", ["convs", "short_res", "fa_resnet"])
def test_each_network_trains_on_short_crops(corpus: Path, tmp_path: Path, model: str) -> None:
    sizes = () if model == "convs" else ("model.channels=2",)
    crops = ("data=crops", "data.window=130", "trainer.max_epochs=1", *sizes)
    train_here(corpus, tmp_path, f"model={model}", *crops, net=())
    assert (tmp_path / "metrics.json").is_file()


def test_parts_that_do_not_go_together_are_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"score=best with averaging=swa: .* take score=last"):
        train_here(corpus, tmp_path, "score=best", "averaging=swa")
    fused = build_crnn(2, 3, fusion=True, filters=[1], pools=[[96, 1]])
    with pytest.raises(ConfigError, match=r"augment=mixup: .* take a model without fusion"):
        check_parts({"score": "last"}, fused, Chain(gain=Gain(), mixup=Mixup()), [])
    check_parts({"score": "last"}, fused, Chain(gain=Gain()), [])


def test_the_paper_s_run_has_none_of_it(corpus: Path, tmp_path: Path) -> None:
    train_here(corpus, tmp_path, "trainer.max_epochs=1", net=TINY_NET)
    parts = {name.split(".")[0] for name in state(tmp_path)}
    assert parts == {"net", "thresholds", "track_thresholds", "quantiles"}
    assert not any("input_standardiser" in name for name in state(tmp_path))
