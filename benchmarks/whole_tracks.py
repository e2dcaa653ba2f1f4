"""Scoring whole tracks: every window of them through the network, no gradient."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.harness import Row, rates, without_gpu
from benchmarks.step_workers import NUM_CORES
from benchmarks.training_step import OBVIOUS, Way, build
from benchmarks.training_step_cpu import POOL_FIRST
from benchmarks.training_step_gpu import OURS

WINDOWS = {"cpu": 32, "cuda": 1024}  # about 5 and 150 tracks of 203 s, in windows that overlap by half
AGREEMENT = 0.02  # of scores between 0 and 1, bf16 against float32


def rows() -> list[Row]:
    """On two CPU cores, and on a GPU where there is one."""
    torch.set_num_threads(NUM_CORES)
    table = [_row("cpu", POOL_FIRST, f"{NUM_CORES} CPU cores", 1.0)]
    if torch.cuda.is_available():
        return [*table, _row("cuda", OURS, "one GPU", 5.0)]
    return [*table, without_gpu("scoring whole tracks, one GPU", 5.0)]


def _row(device: str, ours: Way, where: str, target: float) -> Row:
    generator = torch.Generator().manual_seed(0)
    mel = torch.randn(WINDOWS[device], 1, 96, 1366, generator=generator).mul_(20).sub_(40).half().to(device)
    obvious, better = (_scorer(way, device, mel) for way in (OBVIOUS, ours))
    apart = (obvious() - better()).abs().max().item()
    assert apart < AGREEMENT, f"scores differ by {apart}"
    sides = {"obvious": _counted(obvious), "ours": _counted(better)}
    seen = rates(sides, rounds=3)
    same = f"scores at most {apart:.4f} apart"
    return Row(f"scoring whole tracks, {where}", seen["obvious"], seen["ours"], "windows/s", target, same)


def _scorer(way: Way, device: str, mel: Tensor) -> Callable[[], Tensor]:
    net = build(way).to(device).eval()
    if way.is_channels_last:
        net.to(memory_format=torch.channels_last)
    if way.is_compiled:
        net.compile(dynamic=False)
    batch = len(mel) if way.is_bfloat16 else min(64, len(mel))  # 64: what most people would write

    @torch.inference_mode()
    def score() -> Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=way.is_bfloat16):
            return torch.cat([net(part.float()).float().sigmoid() for part in mel.split(min(256, batch))]).cpu()

    return score


def _counted(score: Callable[[], Tensor]) -> Callable[[], int]:
    return lambda: len(score())


if __name__ == "__main__":
    for row in rows():
        print(row)
