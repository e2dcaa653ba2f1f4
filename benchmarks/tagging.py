"""Tagging a folder: against librosa and an eager network file by file, against decoding alone, and within its limits.

`python -m benchmarks.tagging FOLDER` takes the first 60 files of a folder of yours, not pieces that are made here. The
network is the VGG-ish with 56 tags and random weights: what it says costs nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
import torch

from benchmarks.audio import write_pieces
from benchmarks.harness import Row, rates
from songmood.audio.parameters import MelParameters
from songmood.cache.pool import usable_cores
from songmood.models.host_memory import keep_freed_memory
from songmood.models.parts.blocks import use_textbook_blocks
from songmood.tagging.batch.collection import Collection, about
from songmood.tagging.batch.discover import discover
from songmood.tagging.batch.shards import Shard
from songmood.tagging.load import load_tagger
from songmood.tagging.music_tagger import MusicTagger
from songmood.tagging.network import read_network
from songmood.tagging.tags import Tags
from songmood.tagging.windows import Windower
from songmood.training.card import ModelCard

FILES, PIECES, SECONDS = 60, 4, 40  # files are copies of a few pieces, whose making costs more than tagging them
EVERY = 6  # of them the obvious way takes one: it has no start that more files would pay for
MEL, WINDOW = MelParameters(), 1366
CLOSE = 0.02  # of a score: librosa resamples otherwise
HOURS, MANY = 10, 100_000
SPARSE = 300  # seconds from window to window of the long file: as many bytes at once, a twentieth of the arithmetic
GIGABYTES, PASSED_OVER, COLD = 1.0, 5.0, 4.0  # the limits, two of them in seconds


def rows(music: Sequence[str] = ()) -> list[Row]:
    """All of them, of `music` or of pieces that are made here."""
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = write_vggish(folder / "vggish.ckpt")
        paths = list(music) or list(_copies(folder))
        return [
            *_speed(paths, checkpoint),
            _cold(paths[0], checkpoint),
            _long(folder, checkpoint),
            _many(folder, checkpoint),
        ]


def _speed(paths: Sequence[str], checkpoint: Path) -> list[Row]:
    tagger, cores = load_tagger(checkpoint, "cpu"), usable_cores()
    few = paths[::EVERY]
    spawn = get_context("spawn")
    # The obvious way has a process of its own, whose memory nobody keeps.
    with ProcessPoolExecutor(cores, mp_context=spawn) as pool, ProcessPoolExecutor(1, mp_context=spawn) as alone:
        theirs = [alone.submit(obvious_scores, path, checkpoint).result() for path in few[:2]]
        apart = max(np.abs(found - tagger.tag(path).values).max() for found, path in zip(theirs, few, strict=False))
        assert apart < CLOSE, f"scores differ by {apart}"
        sides = {
            "obvious": lambda: sum(alone.submit(obvious_seconds, path, checkpoint).result() for path in few),
            "ours": lambda: round(sum(tags.duration for tags in tagger.tag_many(paths, workers=cores))),
            "decoding": lambda: sum(pool.map(decode, paths)),
        }
        seen = rates(sides, rounds=2)
    what = f"{len(paths)} {Path(paths[0]).suffix} of {_seconds(paths[0])} s tagged, {cores} cores"
    return [
        Row(what, seen["obvious"], seen["ours"], "s of music/s", 8.0, f"scores at most {apart:.0e} apart"),
        Row(f"{what}, against decoding alone", seen["decoding"], seen["ours"], "s of music/s", 0.6, "a part of it"),
    ]


def _copies(folder: Path) -> Iterator[str]:
    pieces = list(write_pieces(folder / "pieces", ".mp3", PIECES, SECONDS))
    for number in range(FILES):
        yield str(shutil.copyfile(pieces[number % PIECES], folder / f"{number}.mp3"))


def obvious_seconds(path: str, checkpoint: Path) -> int:
    """Scores a file; returns its seconds."""
    obvious_scores(path, checkpoint)
    return _seconds(path)


def obvious_scores(path: str, checkpoint: Path) -> np.ndarray:
    """(L,) by librosa and PyTorch as their first pages have it; the scale is the data set's."""
    import librosa

    samples, _ = librosa.load(path, sr=MEL.sample_rate)
    power = librosa.feature.melspectrogram(
        y=samples, sr=MEL.sample_rate, n_fft=MEL.frame_size, hop_length=MEL.hop, n_mels=MEL.num_bands
    )
    mel = np.maximum(20 * np.log10(np.maximum(power, 1e-30)), MEL.floor_db).T.astype(np.float32)
    cut = Windower(WINDOW, WINDOW // 2)
    windows = np.stack([*cut.feed(mel), *cut.end()]).transpose(0, 2, 1)[:, None]
    with torch.no_grad():
        return textbook_net(checkpoint)(torch.from_numpy(windows.copy())).sigmoid().mean(dim=0).numpy()


@cache
def textbook_net(checkpoint: Path) -> torch.nn.Module:
    """The network in the order that its name tells."""
    net = read_network(checkpoint).net
    use_textbook_blocks(net)
    return net


def decode(path: str) -> int:
    """Reads a file to its end; returns its seconds."""
    with soundfile.SoundFile(path) as file:
        for _ in file.blocks(65_536, dtype="float32"):
            pass
        return round(file.frames / file.samplerate)


def _seconds(path: str) -> int:
    return round(soundfile.info(path).duration)


def _cold(path: str, checkpoint: Path) -> Row:
    seconds = median(_child("tag", path, "-m", str(checkpoint))[0] for _ in range(5))
    return _within("the first song, from a cold start of the command", seconds, COLD, "s")


def _long(folder: Path, checkpoint: Path) -> Row:
    """A minute of noise over and over, as a single file."""
    minute = np.random.default_rng(0).normal(0, 300, 60 * MEL.sample_rate).astype(np.int16)
    whole = folder / "whole.flac"
    with soundfile.SoundFile(whole, "w", MEL.sample_rate, 1) as file:
        for _ in range(HOURS * 60):
            file.write(minute)
    _, peak = _child("tag", str(whole), "-m", str(checkpoint), "--hop", str(SPARSE))
    return _within(f"memory for a file of {HOURS} hours, --hop {SPARSE}", peak, GIGABYTES, "GB")


def _many(folder: Path, checkpoint: Path) -> Row:
    """Files whose results are there already."""
    for number in range(MANY):
        if number % 1000 == 0:
            album = folder / "many" / str(number)
            album.mkdir(parents=True)
        (album / f"{number}.mp3").touch()
    command = ("tag", str(folder / "many"), "-m", str(checkpoint), "-o", str(folder / "out"), "--top", "1")
    tagger, paths = load_tagger(checkpoint, "cpu"), discover([str(folder / "many")]).paths
    of = about(tagger, with_timeline=False, with_embeddings=False)
    with closing(Collection(folder / "out", of, paths, Shard())) as collection:
        collection.tag(Instant(tagger), collection.missing(), 0, lambda: None)
    _child(*command)  # writes the table
    seconds = min(_child(*command)[0] for _ in range(3))
    return _within(f"{MANY:,} finished files passed over, from a cold start", seconds, PASSED_OVER, "s")


class Instant(MusicTagger):
    """A tagger that makes results up."""

    def __init__(self, like: MusicTagger) -> None:
        self._like = like

    def tag_files(self, paths: Sequence[Path], workers: int) -> Iterator[tuple[int, Tags]]:
        """A result for each file."""
        like, values = self._like, np.random.default_rng(0).random(len(self._like.names))
        result = partial(Tags, duration=200.0, model=like.model, fingerprint=like.fingerprint, names=like.names)
        for number, path in enumerate(paths):
            yield number, result(str(path), values=values, ranks=None, decisions=values > 0.9)


def _child(*arguments: str) -> tuple[float, float]:
    """Seconds and peak gigabytes of a `songmood` command."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "songmood", *arguments], stdout=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, arguments
    return time.perf_counter() - start, used.ru_maxrss * 1024 / 1e9


def _within(what: str, measured: float, limit: float, unit: str) -> Row:
    """A row whose obvious way is the limit."""
    return Row(
        what, 1 / limit, 1 / measured, f"1/{unit}", 1.0, f"{measured:.2f} {unit}, at most {limit:g} {unit} wanted"
    )


def write_vggish(path: Path) -> Path:
    """A checkpoint that listens to music as loud as music is."""
    tags = tuple(f"mood/theme---{number}" for number in range(56))
    card = ModelCard(
        tags=tags, features=(), mel=MEL.to_dict(), model={"_target_": "songmood.models.vggish.VGGish"},
        windows={"window": WINDOW}, threshold={"name": "elbow"}, seed=0, cache_fingerprint="none",
    )  # fmt: skip
    torch.manual_seed(0)
    net = card.make_net()
    net.norm.running_mean.fill_(-60)
    net.norm.running_var.fill_(900)
    state = {f"net.{name}": value for name, value in net.state_dict().items()}
    torch.save({ModelCard.KEY: card.to_plain(), "state_dict": state | {"thresholds": torch.full((56,), 0.5)}}, path)
    return path


if __name__ == "__main__":
    for row in rows(discover(sys.argv[1:]).paths[:FILES] if sys.argv[1:] else ()):
        print(f"{row.what}: {row.obvious:.3g} -> {row.ours:.3g} {row.unit}, {row.ratio:.2f} ({row.target}); {row.same}")
