"""Decoding in processes: bounded, mixed, and a process that dies takes one file along."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from songmood.audio.mel import MelSpectrogram
from songmood.audio.parameters import MelParameters
from songmood.audio.samples import load_audio
from songmood.tagging.decoders import Block, End, Failure, Start, heard_by_processes, heard_here
from songmood.tagging.listening import Wanted
from tiny_tagger import write_music

WANTED = Wanted(MelParameters())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("music")
    return [write_music(folder / f"{number}.wav", 20.0 - number, number) for number in range(5)]


def test_processes_hear_what_this_one_hears(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    paths = [*files, tmp_path / "missing.ogg"]
    for events in (heard_here(paths, WANTED), heard_by_processes(paths, WANTED, 2)):
        frames: dict[int, list[np.ndarray]] = {number: [] for number in range(len(paths))}
        ended = {}
        for number, event in events:
            if isinstance(event, Block):
                frames[number].append(event.frames)
            elif not isinstance(event, Start):
                ended[number] = event
        assert isinstance(ended.pop(5), Failure)
        assert all(isinstance(event, End) for event in ended.values())
        for number, path in enumerate(files):
            np.testing.assert_array_equal(np.concatenate(frames[number]), MelSpectrogram()(load_audio(path, 12_000)))
    assert os.environ["OMP_NUM_THREADS"] == "7"  # this process keeps its threads
    assert "MKL_NUM_THREADS" not in os.environ


def test_a_process_that_dies_takes_one_file_along(files: list[Path]) -> None:
    ended: dict[int, object] = {}
    killed = None
    for number, event in heard_by_processes(files, WANTED, 2):
        if killed is None and isinstance(event, Block):
            killed = number
            process = multiprocessing.active_children()[0]
            os.kill(process.pid, signal.SIGKILL)
            process.join()
        if isinstance(event, End | Failure):
            ended[number] = event
    assert len(ended) == len(files)
    failures = [event for event in ended.values() if isinstance(event, Failure)]
    assert len(failures) == 1
    assert "ended its decoder's process (status -9)" in str(failures[0].error)


def test_nobody_is_left_behind(files: list[Path]) -> None:
    events = heard_by_processes(files, WANTED, 2)
    next(events)
    events.close()
    deadline = time.monotonic() + 10
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not multiprocessing.active_children()
