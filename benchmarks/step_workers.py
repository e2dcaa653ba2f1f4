"""Processes that train batches on demand: how memory is handed out is settled once for a whole process."""

import multiprocessing
from multiprocessing.connection import Connection

import torch

from benchmarks.training_step import Way, build, make_forward, make_step
from songmood.models.host_memory import keep_freed_memory

NUM_CORES = 2


class StepWorker:
    """A process that trains in one way, a batch each time it is called."""

    def __init__(self, way: Way, batch_size: int, frames: int = 1366, device: str = "cpu") -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, way, batch_size, frames, device), daemon=True)
        self._process.start()

    def __call__(self) -> float:
        """Have it train one batch, and wait; returns the loss."""
        return self._ask("step")

    def forward(self) -> float:
        """Have it score one batch, and wait; returns the mean logit."""
        return self._ask("forward")

    def _ask(self, what: str) -> float:
        self._here.send(what)
        answer: float = self._here.recv()
        return answer

    def stop(self) -> None:
        """End the process."""
        self._here.send("stop")
        self._process.join()


def _serve(there: Connection, way: Way, batch_size: int, frames: int, device: str) -> None:
    torch.set_num_threads(NUM_CORES)
    if way.is_memory_kept:
        keep_freed_memory()
    net = build(way)
    work = {"step": make_step(way, batch_size, frames, device=device, net=net)}
    work["forward"] = make_forward(way, net, batch_size, frames, device)
    while (asked := there.recv()) in work:
        there.send(work[asked]().item())
