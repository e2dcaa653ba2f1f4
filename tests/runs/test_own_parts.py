"""Anything of the user's own can be put in by `_target_`, and is resumed, scored and reported like ours."""

import json
from pathlib import Path

import numpy as np
import pytest

import own_parts
import songmood
from songmood.errors import CheckpointError, ConfigError
from tiny import folder_overrides, train_here, write_corpus

OWN = {
    "model": "_target_: own_parts.Net\nscale: 0.01\n",
    "loss": "_target_: own_parts.Margin\n",
    "augment": "_target_: own_parts.Louder\n",
    "threshold": "_target_: own_parts.Rule\n",
    "scheduler": "_target_: torch.optim.lr_scheduler.StepLR\n_partial_: true\nstep_size: 1\n",
}
CALLBACK = "+callbacks.counter._target_=own_parts.Counter"
TARGETS = ("corpus._target_=own_parts.Corpus", "data._target_=own_parts.Data", "tagger._target_=own_parts.Weighted")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Overrides that put the user's parts in, from the user's own configuration folder."""
    folder = tmp_path_factory.mktemp("conf")
    for group, text in OWN.items():
        (folder / group).mkdir()
        (folder / group / "own.yaml").write_text(text)
    chosen = [f"{group}=own" for group in OWN]
    return (f"hydra.searchpath=[file://{folder}]", *chosen, *TARGETS, CALLBACK, "+tagger.weight=0.5", "data=random")


@pytest.fixture(scope="module")
def trained(corpus: Path, own: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    own_parts.Counter.seen.clear()
    train_here(corpus, folder, *own, net=())
    assert own_parts.Counter.seen == [0, 1]
    return folder


def rescore(corpus: Path, trained: Path, folder: Path, *overrides: str) -> None:
    checkpoint = trained / "checkpoints" / "last.ckpt"
    songmood.evaluate_checkpoint(
        checkpoint, [*folder_overrides(corpus), "trainer=cpu", "threads=1", *overrides], folder
    )


def test_own_parts_train_and_are_in_the_thresholds_and_the_provenance(trained: Path) -> None:
    assert "\tmean\tvalidation" in (trained / "thresholds.tsv").read_text()
    config = json.loads((trained / "provenance.json").read_text())["config"]
    assert config["model"] == {"_target_": "own_parts.Net", "scale": 0.01}
    assert config["tagger"] == {"_target_": "own_parts.Weighted", "weight": 0.5}


def test_a_run_of_own_parts_goes_on_from_its_checkpoint(
    corpus: Path, own: tuple[str, ...], trained: Path, tmp_path: Path
) -> None:
    checkpoint = f"ckpt_path={trained}/checkpoints/last.ckpt"
    train_here(corpus, tmp_path, *own, checkpoint, "trainer.max_epochs=3", net=())
    assert (tmp_path / "metrics.json").is_file()


def test_another_model_does_not_go_on_from_it(corpus: Path, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"names own_parts\.\w+, which is neither .* the configuration that names it"
    ):
        train_here(corpus, tmp_path, f"ckpt_path={trained}/checkpoints/last.ckpt")


def test_it_is_scored_again_where_its_package_is_trusted(corpus: Path, trained: Path, tmp_path: Path) -> None:
    rescore(corpus, trained, tmp_path, "trusted=[own_parts]")
    assert np.array_equal(np.load(tmp_path / "predictions.npy"), np.load(trained / "predictions.npy"))


def test_its_class_loads_it_and_so_does_the_tagger_that_trusts_it(trained: Path) -> None:
    path = trained / "checkpoints" / "last.ckpt"
    for tagger in (
        own_parts.Weighted.load_from_checkpoint(path, trusted=["own_parts"]),
        songmood.Tagger.load_from_checkpoint(path, trusted=["own_parts"]),
    ):
        assert isinstance(tagger, own_parts.Weighted)
        assert tagger.weight == 0.5
        assert not tagger.training


def test_it_is_refused_where_its_package_is_not_trusted(corpus: Path, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"score with trusted=\[own_parts\]"):
        rescore(corpus, trained, tmp_path)
    with pytest.raises(ConfigError, match="trusted=own_parts: expected a list of packages"):
        rescore(corpus, trained, tmp_path, "trusted=own_parts")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("own_parts.Bare", r"own_parts\.Bare: this net lacks min_frames .*, uses_features"),
        ("own_parts.Rule", r"own_parts\.Rule cannot be made"),
        ("own_parts.Nett", r"own_parts\.Nett cannot be made"),
    ],
)  # fmt: skip
def test_a_net_that_lacks_what_a_net_must_offer_is_one_line(
    target: str, said: str, corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "own.yaml").write_text(f"_target_: {target}\n")
    with pytest.raises(ConfigError, match=said):
        train_here(corpus, tmp_path, f"hydra.searchpath=[file://{tmp_path}]", "model=own", net=())
