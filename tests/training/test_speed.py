"""What makes a step fast does not change what it computes, and one switch turns all of it off."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import yaml
from torch.utils._python_dispatch import TorchDispatchMode

import toy_training as toy
from songmood.config import config_dir
from songmood.errors import ConfigError
from songmood.models.crnn import build_crnn
from songmood.models.parts.blocks import ConvBlock
from songmood.training.speed import Speed, device_of
from tiny import ROOT, TINY_NET, run_from_nothing, train_here, training_command, write_corpus


def tiny_net() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_crnn(num_tags=3, num_features=0, filters=[4, 4, 4, 4], gru_width=4, hidden=8)


def test_every_auto_is_decided_for_the_device() -> None:
    on_cpu = Speed().on("cpu")
    assert on_cpu.compile is False
    assert on_cpu.precision in ("32-true", "bf16-mixed")
    assert on_cpu.keep_memory is True
    assert Speed().on("cuda").compile is True
    assert Speed().on("cuda").keep_memory is False
    assert Speed(compile=False, precision="32-true").on("cuda").compile is False


def test_the_device_is_the_one_that_the_accelerator_means() -> None:
    assert device_of("cpu") == "cpu"
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert device_of("auto") == expected


def test_a_plain_net_is_textbook_blocks_with_the_same_weights_and_outputs() -> None:
    fast, plain = tiny_net().eval(), tiny_net().eval()
    Speed().on("cpu").prepare(fast)
    Speed(channels_last=False, pool_first=False).on("cpu").prepare(plain)
    for net, pools_first in ((plain, False), (fast, True)):
        assert {block.pools_first for block in net.modules() if isinstance(block, ConvBlock)} == {pools_first}
    assert fast.state_dict().keys() == plain.state_dict().keys()
    mel = torch.randn(2, 1, 96, 200)
    torch.testing.assert_close(fast(mel, None), plain(mel, None), atol=1e-5, rtol=1e-4)


def test_one_switch_turns_everything_off(tmp_path: Path) -> None:
    plain = yaml.safe_load((config_dir() / "speed" / "plain.yaml").read_text(encoding="utf-8"))
    assert Speed(**plain) == Speed("32-true", False, False, False, False, False, False)
    train_here(write_corpus(tmp_path / "corpus"), tmp_path / "run", "speed=plain", "trainer.max_epochs=1", net=TINY_NET)
    assert (tmp_path / "run" / "metrics.json").is_file()


@pytest.mark.parametrize(("name", "value"), [("precision", "8"), ("compile", "maybe")])
def test_an_unknown_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"speed.{name}={value}: expected"):
        Speed(**{name: value})


class Waits(TorchDispatchMode):
    """Counts what copies a tensor's value to the host: an accelerator's whole queue would be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.others = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        is_wait = func.overloadpacket in (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero)
        self.count += is_wait
        self.others += not is_wait
        return func(*args, **(kwargs or {}))


class WatchPasses(pl.Callback):
    """Counts the waits from the beginning of a pass to the end of its last batch, fetching batches included."""

    def __init__(self) -> None:
        self.waits = Waits()

    def on_train_epoch_start(self, *args: object) -> None:
        self.waits.__enter__()

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: object, outputs: object, batch: object, index: int
    ) -> None:
        if index + 1 == trainer.num_training_batches:
            self.waits.__exit__(None, None, None)

    def on_validation_epoch_start(self, *args: object) -> None:
        self.waits.__enter__()

    def on_validation_batch_end(
        self, trainer: pl.Trainer, module: object, outputs: object, batch: object, index: int
    ) -> None:
        if [index + 1] == trainer.num_val_batches:
            self.waits.__exit__(None, None, None)


@pytest.mark.parametrize("resident", ["false", "true"])
def test_no_batch_waits_for_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resident: str) -> None:
    watch = WatchPasses()
    fit = pl.Trainer.fit

    def watched_fit(trainer: pl.Trainer, *args: object, **options: object) -> None:
        trainer.callbacks.append(watch)
        fit(trainer, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(pl.Trainer, "fit", watched_fit)
    train_here(write_corpus(tmp_path / "corpus"), tmp_path / "run", f"data.device_resident={resident}")
    assert watch.waits.others > 100
    assert watch.waits.count == 0


def test_the_loss_of_a_pass_is_the_mean_over_its_windows(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")  # 8 windows in batches of 3, 3 and 2
    train_here(corpus, tmp_path / "run", "data.evaluation_batch_size=3", "speed.precision=32-true")
    scores, targets = (np.load(tmp_path / "run" / "validation" / f"{name}.npy") for name in ("predictions", "targets"))
    expected = -np.where(targets, np.log(scores), np.log1p(-scores)).mean()
    with (tmp_path / "run" / "metrics.csv").open() as file:
        *_, last = csv.DictReader(file)
    assert float(last["validation/loss"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.skipif(shutil.which("c++") is None, reason="compiling needs a C++ compiler")
def test_a_compiled_net_trains_to_the_same_scores_and_keeps_its_keys(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", sizes={"train": 12, "validation": 8, "test": 7})
    shared = ["trainer.max_epochs=1", "speed.precision=32-true", "callbacks={progress_bar:null}"]
    shared += ["model.block_dropout=0", "model.head_dropout=0"]  # eager and compiled draw different numbers
    scores, keys, said = [], [], []
    for is_compiled in (False, True):
        folder = tmp_path / str(is_compiled)
        command = training_command(corpus, folder, *shared, f"speed.compile={is_compiled}")
        done = run_from_nothing(command, TORCH_LOGS="recompiles")
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        scores.append(np.load(folder / "predictions.npy"))
        keys.append(torch.load(folder / "checkpoints" / "last.ckpt")["state_dict"].keys())
        said.append(done.stderr.count(f"Recompiling function forward in {ROOT}/src/songmood/models/crnn.py"))
    np.testing.assert_allclose(*scores, atol=1e-4)
    assert keys[0] == keys[1]
    assert said in ([0, 0], [0, 1])  # training windows: 8, then 4 a batch; validation and test are not compiled


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # torch looks at it while it traces
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's own, while it traces
def test_only_training_steps_are_compiled_and_each_job_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs: list[torch.fx.GraphModule] = []

    def count(graph: torch.fx.GraphModule, inputs: object) -> object:
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(torch._dynamo.config, "recompile_limit", 3)  # two jobs alike would reach it
    compile_ = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda net, **options: compile_(net, **options, backend=count))
    counts = []
    for job in range(2):  # of two shapes of training batches each
        tagger = toy.tagger()
        Speed(compile=True).prepare(tagger.net)
        trainer = toy.fit(tagger, tmp_path / str(job), epochs=1)
        fitted = len(graphs)
        trainer.test(tagger, toy.Loader(toy.batches(3, 3, 2)), verbose=False)
        assert len(graphs) == fitted
        counts.append(len(graphs))
        graphs.clear()
    one_shape = counts[0] // len(toy.TRAIN)
    assert one_shape > 0
    assert set(counts) == {one_shape * len(toy.TRAIN)}
