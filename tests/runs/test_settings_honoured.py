"""What the Trainer, callbacks and optimisers of Lightning and torch take is honoured, or refused in one line."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

import songmood
from songmood.errors import SongmoodError
from songmood.evaluation.thresholds import read_thresholds
from tiny import SIZES, train_here, write_corpus

CALLBACKS = "pytorch_lightning.callbacks"
SCHEDULERS = "torch.optim.lr_scheduler"
TRAINS = {  # to the steps of a run; undisturbed, it has 2 epochs of 2 batches; SWA adds one for batch norm
    "+trainer.gradient_clip_val=1": 4,
    "+trainer.gradient_clip_val=1 +trainer.gradient_clip_algorithm=value": 4,
    "+trainer.gradient_clip_val=1 speed.precision=bf16-mixed": 4,
    "+trainer.accumulate_grad_batches=2": 2,
    "+trainer.check_val_every_n_epoch=2 trainer.max_epochs=3": 6,
    "+trainer.val_check_interval=0.5": 4,
    "+trainer.val_check_interval=3 +trainer.check_val_every_n_epoch=null": 4,
    "+trainer.max_steps=1": 1,
    "+trainer.max_time=00:01:00:00": 4,
    "+trainer.min_epochs=1": 4,
    "trainer.limit_train_batches=1": 2,
    "trainer.limit_val_batches=0": 4,
    "trainer.limit_val_batches=1": 4,
    "trainer.num_sanity_val_steps=2": 4,
    "+trainer.overfit_batches=1": 2,
    "+trainer.detect_anomaly=true": 4,
    "+trainer.deterministic=true": 4,
    "+trainer.profiler=simple": 4,
    "+trainer.sync_batchnorm=true": 4,
    "+trainer.reload_dataloaders_every_n_epochs=1": 4,
    "+trainer.enable_progress_bar=false": 4,
    "trainer.use_distributed_sampler=true": 4,
    "+trainer.inference_mode=false": 4,
    "+trainer.plugins=[{_target_:pytorch_lightning.plugins.environments.LightningEnvironment}]": 4,
    "trainer.devices=auto": 4,
    "speed.precision=bf16-mixed": 4,
    "optimizer._target_=torch.optim.RAdam": 4,
    "optimizer._target_=torch.optim.AdamW +optimizer.betas=[0.9,0.99]": 4,
    "optimizer._target_=torch.optim.RMSprop": 4,
    "optimizer._target_=torch.optim.Adagrad +optimizer.foreach=true": 4,
    f"+callbacks.early._target_={CALLBACKS}.EarlyStopping +callbacks.early.monitor=validation/loss": 4,
    f"+callbacks.best._target_={CALLBACKS}.ModelCheckpoint +callbacks.best.monitor=validation/pr_auc_macro": 4,
    f"+callbacks.ema._target_={CALLBACKS}.EMAWeightAveraging": 4,
    f"+callbacks.swa._target_={CALLBACKS}.StochasticWeightAveraging +callbacks.swa.swa_lrs=0.01": 5,
    f"+callbacks.timer._target_={CALLBACKS}.Timer +callbacks.timer.duration=00:01:00:00": 4,
    f"+callbacks.rates._target_={CALLBACKS}.LearningRateMonitor logger=csv": 4,
    f"+callbacks.more._target_={CALLBACKS}.GradientAccumulationScheduler +callbacks.more.scheduling={{0:2}}": 2,
    f"+scheduler._target_={SCHEDULERS}.StepLR +scheduler._partial_=true +scheduler.step_size=1": 4,
    "loss._target_=torch.nn.MultiLabelSoftMarginLoss": 4,
}
REFUSED = {
    "trainer.limit_test_batches=0": "trainer.limit_test_batches=0: expected some batches",
    "trainer.limit_train_batches=0": "trainer.limit_train_batches=0: expected some batches",
    "+trainer.fast_dev_run=true": "trainer.fast_dev_run is not read .* trainer=smoke",
    "+trainer.precision=64-true": "trainer.precision is not read .* speed.precision",
    "+trainer.plugins=[{_target_:pytorch_lightning.plugins.io.TorchCheckpointIO}]": "multiple values for CheckpointIO",
    "+trainer.plugins=[3]": "3 makes nothing: expected keys, one of them _target_",
    "+trainer.strategy=bogus": "trainer: You selected an invalid strategy name",
    "+trainer.strategy=ddp_spawn": "trainer.strategy=ddp_spawn: .* take trainer=ddp",
    "+trainer.bogus=1": "Trainer cannot be made .* unexpected keyword argument 'bogus'",
    "trainer.devices=0": "trainer: .*devices=0.* is not a valid input",
    "trainer.accelerator=mps": "trainer: .*",
    "speed.precision=16-mixed": "speed.precision=16-mixed: a CPU has none",
    "optimizer._target_=torch.optim.LBFGS": "LBFGS cannot be made .* unexpected keyword argument 'eps'",
    "optimizer.lr=1e30": "the loss was lost in epoch 1.* learning rate, optimizer.lr=1e\\+30",
    "+model.bogus=1": "build_crnn cannot be made .* unexpected keyword argument 'bogus'",
    "~model.hidden +model.hidden={a:{1:2}}": "go into checkpoints, and .* a key that is no text",
    f"+callbacks.early._target_={CALLBACKS}.EarlyStopping +callbacks.early.monitor=nothing": "metric `nothing`",
    f"+callbacks.rates._target_={CALLBACKS}.LearningRateMonitor": "Cannot use `LearningRateMonitor` .* no logger",
    f"+callbacks.lr._target_={CALLBACKS}.LearningRateFinder": "callbacks: LearningRateFinder would train at a rate",
    f"+callbacks.size._target_={CALLBACKS}.BatchSizeFinder": "callbacks: BatchSizeFinder would train in batches",
    "+callbacks.mine._target_=nowhere.Mine": "nowhere.Mine cannot be made .*No module named",
    "+callbacks.mine._target_=builtins.dict": "callbacks.mine is a builtins.dict; expected a Callback",
    "+callbacks.mine=3": "3 makes nothing",
    "+logger.mine._target_=builtins.dict": "logger.mine is a builtins.dict; expected a Logger",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.mark.filterwarnings("ignore:.*Swapping scheduler.*", "ignore:.*overfitting enabled.*")
@pytest.mark.parametrize("setting", TRAINS)
def test_a_run_trains_and_is_scored(setting: str, corpus: Path, tmp_path: Path) -> None:
    run = train_here(corpus, tmp_path, *setting.split())
    assert math.isfinite(run.metrics["test"]["roc_auc_macro"])
    assert steps_of(run) == TRAINS[setting]
    thresholds = read_thresholds(run.folder / "thresholds.tsv").thresholds
    assert run.tagger.thresholds.double().tolist() == thresholds.tolist()
    assert not np.isnan(thresholds).any()


def steps_of(run: songmood.FinishedRun) -> int:
    with (run.folder / "metrics.csv").open() as file:
        return int(list(csv.DictReader(file))[-1]["step"])


@pytest.mark.parametrize("setting", REFUSED)
def test_a_run_is_refused_in_one_line(setting: str, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(SongmoodError, match=REFUSED[setting]) as refused:
        train_here(corpus, tmp_path, *setting.split())
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "metrics.json").exists()


def test_a_part_of_the_test_split_is_scored_where_that_is_asked(corpus: Path, tmp_path: Path) -> None:
    run = train_here(corpus, tmp_path, "trainer.limit_test_batches=1", "data.evaluation_batch_size=4")
    assert run.predictions.shape[0] == 4
    assert len((tmp_path / "tracks.txt").read_text().split()) == 4
    assert run.metrics["validation"]["num_tracks"] == SIZES["validation"]
