"""Runs from Python: as often as one likes, without a trace in the program that asks for them."""

import json
import os
from pathlib import Path

import hydra
import numpy as np
import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

import songmood
from songmood.config import config_dir
from songmood.errors import ConfigError
from tiny import SIZES, TAGS, TINY_NET, TINY_RUN, folder_overrides, write_corpus

QUIET = ("logger=none", "callbacks={progress_bar:null}", "trainer.max_epochs=1", "report_epochs=[]")


@pytest.fixture(scope="module")
def overrides(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    corpus = write_corpus(tmp_path_factory.mktemp("a corpus's own"))  # a name that must be quoted
    names = [override.replace(str(corpus), str(corpus).replace("'", r"\'")) for override in folder_overrides(corpus)]
    quoted = [name.replace("=/", "='/") + "'" if "=/" in name else name for name in names]
    return [*quoted, *TINY_NET, *TINY_RUN, *QUIET]


@pytest.fixture(scope="module")
def run(overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> songmood.FinishedRun:
    return songmood.train(overrides, tmp_path_factory.mktemp("run of mine's"))


def test_a_run_can_be_asked_what_it_left(run: songmood.FinishedRun) -> None:
    assert run.metrics == json.loads((run.folder / "metrics.json").read_text())
    assert 0 <= run.metrics["test"]["roc_auc_macro"] <= 1
    assert run.predictions.shape == (SIZES["test"], len(TAGS))
    assert (run.folder / ".hydra" / "overrides.yaml").is_file()


def test_its_tagger_is_ready_to_score(run: songmood.FinishedRun) -> None:
    assert run.tagger.is_fitted
    assert not run.tagger.training
    assert run.tagger.card.tags == TAGS
    assert run.tagger is run.tagger


def test_a_split_is_scored_again(run: songmood.FinishedRun, overrides: list[str], tmp_path: Path) -> None:
    chosen = [override for override in overrides if override.startswith("corpus")]
    again = songmood.evaluate_checkpoint(run.checkpoint, [*chosen, "trainer=cpu", "threads=1"], tmp_path)
    assert np.array_equal(again.predictions, run.predictions)
    assert again.metrics["test"] == run.metrics["test"]


def test_a_second_run_has_a_folder_of_its_own_below_the_working_folder(
    overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = songmood.train([*overrides, "seed=8"])
    assert run.folder.is_relative_to(tmp_path / "outputs")
    assert json.loads((run.folder / "provenance.json").read_text())["seed"] == 8
    assert Path.cwd() == tmp_path


def test_hydra_is_as_it_was(run: songmood.FinishedRun, overrides: list[str]) -> None:
    assert not GlobalHydra.instance().is_initialized()
    assert not HydraConfig.initialized()
    with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
        mine = GlobalHydra.instance().hydra
        with pytest.raises(ConfigError, match=r"no key 'data\.windw'.*did you mean 'data\.window'"):
            songmood.train([*overrides, "data.windw=3"])
        assert GlobalHydra.instance().hydra is mine


def test_a_fault_is_an_exception_of_one_line_and_nothing_is_printed(
    overrides: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match="seed=-1: expected a whole number"):
        songmood.train([*overrides, "seed=-1"], tmp_path)
    assert capfd.readouterr() == ("", "")


def test_groups_of_ones_own_are_found(overrides: list[str], tmp_path: Path) -> None:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "mine.yaml").write_text("_target_: torch.optim.SGD\n_partial_: true\nlr: 0.5\n")
    run = songmood.train([*overrides, "optimizer=mine"], tmp_path / "run", config_dir=tmp_path)
    assert json.loads((run.folder / "provenance.json").read_text())["config"]["optimizer"]["lr"] == 0.5


def test_the_environment_names_no_process_group(run: songmood.FinishedRun) -> None:
    assert not {"LOCAL_RANK", "WORLD_SIZE", "MASTER_PORT"} & set(os.environ)
