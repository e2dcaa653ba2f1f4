"""What only a GPU can show: `pytest -m cuda` on a machine that has one."""

from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from songmood.loading.gather import HostWindows, ResidentWindows
from songmood.loading.sampler import SplitWindows
from songmood.loading.split import read_split
from songmood.loading.windows import AllWindows
from songmood.models.crnn import build_crnn
from songmood.training.speed import Speed
from tiny import TINY_NET, train_here, train_on, write_corpus
from tiny_cache import tiny_cache

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA"),
]

ON_GPU = ("trainer=gpu", "trainer.max_epochs=2", "report_epochs=[]")
EXACT = ("speed.precision=32-true", "speed.compile=false", "model.block_dropout=0", "model.head_dropout=0")
ROUNDING = 1e-3  # of a score: kernels that add in another order, and TF32


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def gradients(net: nn.Module, mel: torch.Tensor, upstream: torch.Tensor, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Of the blocks' kernels and gains, by a step in the given precision."""
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        logits = net(mel.to(torch.float64 if dtype == torch.float64 else torch.float32), None)
    logits.backward(upstream.to(logits.dtype))
    return {name: value.grad.double() for name, value in net.named_parameters() if value.grad is not None}


def test_pool_first_errs_in_bfloat16_no_more_than_the_textbook_order() -> None:
    torch.manual_seed(0)
    mel = torch.randn(8, 1, 96, 256, device="cuda")
    upstream = torch.randn(8, 3, device="cuda")
    found, state = {}, None
    for name, is_pool_first, dtype in (
        ("exact", False, torch.float64),
        ("textbook", False, torch.bfloat16),
        ("pool first", True, torch.bfloat16),
    ):
        net = build_crnn(3, 0, filters=[8, 8, 8, 8], gru_width=8, hidden=8, block_dropout=0, head_dropout=0).cuda()
        state = state or {key: value.clone() for key, value in net.state_dict().items()}
        net.load_state_dict(state)
        Speed(pool_first=is_pool_first, compile=False).prepare(net)
        found[name] = gradients(net.to(torch.float64) if dtype == torch.float64 else net, mel, upstream, dtype)
    for key, exact in found["exact"].items():
        textbook, ours = ((found[name][key] - exact).norm() / exact.norm() for name in ("textbook", "pool first"))
        assert ours <= 1.5 * textbook + 0.01, key


def test_the_device_holds_the_windows_that_the_host_reads(tmp_path: Path) -> None:
    cache = tiny_cache(tmp_path / "tiny.h5", {"a": 300, "b": 64, "c": 7})
    tracks = read_split(cache, "train", ["b", "a", "c"])
    picks = SplitWindows(tracks, AllWindows(hop=50), 64).draw(0)
    resident = ResidentWindows(cache, tracks, 64, torch.device("cuda"))
    track, start = (torch.from_numpy(part).cuda() for part in (picks.track, picks.start))
    host = HostWindows(cache, tracks, 64).gather(picks, is_pinned=True)
    assert host.is_pinned()
    torch.testing.assert_close(resident.gather(track, start).cpu(), host, rtol=0, atol=0)


@pytest.mark.parametrize("resident", ["true", "false"])
@pytest.mark.parametrize("compiled", ["true", "false"])
@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_every_way_to_train_comes_to_the_scores_of_the_cpu(
    corpus: Path, tmp_path: Path, precision: str, compiled: str, resident: str
) -> None:
    fixed = ["speed.precision=32-true", *EXACT[2:], "trainer.max_epochs=2", "report_epochs=[]"]
    train_here(corpus, tmp_path / "cpu", *fixed)
    speed = [f"speed.precision={precision}", f"speed.compile={compiled}", f"data.device_resident={resident}"]
    train_here(corpus, tmp_path / "gpu", *fixed, "trainer=gpu", "trainer.max_epochs=2", *speed)
    there, here = (np.load(tmp_path / name / "predictions.npy") for name in ("gpu", "cpu"))
    np.testing.assert_allclose(there, here, atol=ROUNDING if precision == "32-true" else 0.05)


class NoWaits(pl.Callback):
    """From the second epoch on, when every kernel and every state is there, a step that waits for the GPU raises."""

    def __init__(self) -> None:
        self.steps = 0

    def on_train_batch_start(self, trainer: pl.Trainer, *args: object) -> None:
        if trainer.current_epoch > 0:
            torch.cuda.set_sync_debug_mode("error")

    def on_train_batch_end(self, *args: object) -> None:
        self.steps += torch.cuda.get_sync_debug_mode() != 0
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_no_step_waits_for_the_gpu(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    watch, fit = NoWaits(), pl.Trainer.fit

    def watched_fit(trainer: pl.Trainer, *args: object, **options: object) -> None:
        trainer.callbacks.append(watch)
        fit(trainer, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(pl.Trainer, "fit", watched_fit)
    train_here(corpus, tmp_path, *ON_GPU, f"speed.precision={precision}", "speed.compile=false")
    assert watch.steps > 0


def test_a_resumed_run_goes_on_as_the_undisturbed_one(corpus: Path, tmp_path: Path) -> None:
    whole, half = tmp_path / "whole", tmp_path / "half"
    train_here(corpus, whole, *ON_GPU, *EXACT, "trainer.max_epochs=4")
    train_here(corpus, half, *ON_GPU, *EXACT)
    resume = f"ckpt_path={half}/checkpoints/last.ckpt"
    train_here(corpus, tmp_path / "rest", *ON_GPU, *EXACT, "trainer.max_epochs=4", resume)
    scores = [np.load(tmp_path / name / "predictions.npy") for name in ("whole", "rest")]
    np.testing.assert_allclose(*scores, atol=ROUNDING)


def test_a_distributed_run_on_one_gpu_speaks_nccl(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backends = []
    wait = torch.distributed.barrier

    def barrier(*args: object, **options: object) -> object:
        backends.append(torch.distributed.get_backend())
        return wait(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.distributed, "barrier", barrier)
    train_here(corpus, tmp_path, *ON_GPU, "trainer=ddp", "trainer.devices=1", "trainer.max_epochs=1")
    assert (tmp_path / "metrics.json").is_file()
    assert set(backends) == {"nccl"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The demo corpus in small, which has features."""
    root = tmp_path_factory.mktemp("demo")
    return ("corpus=demo", f"corpus.root={root}", "corpus.num_tracks=20", "corpus.num_artists=10", "corpus.workers=0")


@pytest.mark.parametrize("model", ["crnn", "crnn_attn", "crnn_fusion", "crnn_attn_fusion", "vggish"])
@pytest.mark.parametrize("compiled", ["true", "false"])
def test_every_model_of_the_paper_trains(demo: tuple[str, ...], tmp_path: Path, model: str, compiled: str) -> None:
    sizes = ["data.window=1366", "data.batch_size=2"] if model == "vggish" else TINY_NET
    train_on(demo, tmp_path, f"model={model}", *ON_GPU, *sizes, f"speed.compile={compiled}")
    assert (tmp_path / "metrics.json").is_file()
