"""The tagger from Python: the same scores in any company, wrong samples refused, networks averaged."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from songmood.audio.mel import MelSpectrogram
from songmood.audio.samples import load_audio
from songmood.config import MOVED
from songmood.errors import CheckpointError, ConfigError, CorpusError
from songmood.evaluation.quantiles import quantile_table
from songmood.tagging.load import load_tagger, newest_run
from songmood.tagging.network import read_network
from songmood.training.card import ModelCard, read_checkpoint
from tiny_tagger import MEL, NET, TAGS, WINDOW, write_checkpoint, write_music

RATE = 12_000
SAMPLES = np.random.default_rng(1).normal(0, 0.1, 7 * RATE).astype(np.float32)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("run") / "checkpoints" / "last.ckpt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for number, (suffix, seconds) in enumerate([(".wav", 7), (".flac", 1), (".ogg", 12.3), (".mp3", 3), (".opus", 5)]):
        write_music(folder / f"{number}{suffix}", seconds, number, 24_000)
    return folder


def by_hand(path: Path, checkpoint: Path) -> np.ndarray:
    """Whole windows at every half window and at the end, the mean of their probabilities, in plain PyTorch."""
    card = ModelCard.from_plain(read_checkpoint(checkpoint)[ModelCard.KEY], checkpoint)
    net = card.make_net().eval()
    state = read_checkpoint(checkpoint)["state_dict"]
    net.load_state_dict({name[4:]: value for name, value in state.items() if name.startswith("net.")})
    mel = MelSpectrogram()(load_audio(path, RATE))
    starts = [*range(0, len(mel) - WINDOW, WINDOW // 2), len(mel) - WINDOW]
    with torch.no_grad():
        probabilities = [net(torch.from_numpy(mel[s : s + WINDOW].T.copy())[None, None]).sigmoid() for s in starts]
    return torch.cat(probabilities).mean(dim=0).numpy()


def test_scores_are_the_mean_over_overlapping_windows(folder: Path, checkpoint: Path) -> None:
    tags = load_tagger(checkpoint).tag(folder / "2.ogg")
    np.testing.assert_allclose(tags.values, by_hand(folder / "2.ogg", checkpoint), atol=1e-6)
    assert tags.values.std() > 0.01  # the pieces of this file differ in more than noise
    assert tags.source == str(folder / "2.ogg")
    assert tags.duration == pytest.approx(12.3, abs=0.03)


def test_a_track_scores_the_same_to_the_last_bit_alone_in_any_company_and_in_processes(
    folder: Path, checkpoint: Path
) -> None:
    tagger = load_tagger(checkpoint)
    paths = sorted(folder.iterdir())
    alone = {str(path): load_tagger(checkpoint).tag(path) for path in paths}
    for order, workers in ((paths, 0), (paths[::-1], 0), (paths, 2)):
        together = list(tagger.tag_many(order, workers=workers))
        assert [tags.source for tags in together] == [str(path) for path in order]
        for tags in together:
            np.testing.assert_array_equal(tags.values, alone[tags.source].values)
            np.testing.assert_array_equal(tags.timeline.scores, alone[tags.source].timeline.scores)
            assert tags.fingerprint == alone[tags.source].fingerprint


def test_samples_score_as_their_file(tmp_path: Path, checkpoint: Path) -> None:
    stereo = np.stack([SAMPLES, SAMPLES[::-1]], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 22_050, "FLOAT")
    tagger = load_tagger(checkpoint)
    expected = tagger.tag(tmp_path / "a.wav").values
    for samples in (stereo, stereo.T, torch.from_numpy(stereo.copy()), stereo.astype(np.float64)):
        np.testing.assert_allclose(tagger.tag(samples, sample_rate=22_050).values, expected, atol=1e-6)
    whole_numbers = np.clip(np.round(stereo * 32_768), -32_768, 32_767).astype(np.int16)
    np.testing.assert_allclose(tagger.tag(whole_numbers, sample_rate=22_050).values, expected, atol=1e-2)


@pytest.mark.parametrize(
    ("samples", "rate", "says"),
    [
        (SAMPLES, None, "samples need their sample_rate"),
        (SAMPLES, 44, "sample_rate=44: expected Hz"),
        (SAMPLES, 44_100.5, "sample_rate=44100.5: expected Hz"),
        (SAMPLES * 32_768, RATE, "expected full scale at 1; divide them, by 32768"),
        ((SAMPLES * 100).astype(np.uint8), RATE, "samples of type uint8"),
        (SAMPLES[:0], RATE, "samples are empty"),
        (np.where(SAMPLES > 0.3, np.nan, SAMPLES), RATE, "hold NaN"),
        (SAMPLES.reshape(100, -1), RATE, r"samples of shape \(100, 840\)"),
        (SAMPLES[:6].reshape(2, 3), RATE, r"samples of shape \(2, 3\)"),
        ("a.wav", RATE, "a file knows its own"),
    ],
)
def test_wrong_samples_and_rates_cannot_pass_silently(
    checkpoint: Path, samples: object, rate: float | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        load_tagger(checkpoint).tag(samples, sample_rate=rate)


def test_a_short_track_is_repeated_and_says_so(checkpoint: Path) -> None:
    tagger = load_tagger(checkpoint)
    second = SAMPLES[: RATE // 2]
    tags = tagger.tag(second, sample_rate=RATE)
    assert tags.notes == ("shorter than a window of 2.0 s: repeated from its start, as in training",)
    assert load_tagger([checkpoint, checkpoint]).tag(second, sample_rate=RATE).notes == tags.notes
    assert tags.timeline.start.tolist() == [0]
    assert tags.timeline.end == pytest.approx([0.5], abs=0.03)
    assert tagger.tag(SAMPLES, sample_rate=RATE).notes == ()


def test_the_hop_sets_how_closely_windows_follow(checkpoint: Path) -> None:
    tags = load_tagger(checkpoint, hop=1.024).tag(SAMPLES, sample_rate=RATE)
    assert tags.timeline.start[:4] == pytest.approx([0, 1.024, 2.048, 3.072])
    assert tags.timeline.end[-1] == pytest.approx(7, abs=0.03)
    for hop in (0.0, -1, 1e6):
        with pytest.raises(ConfigError, match="hop="):
            load_tagger(checkpoint, hop=hop)


def test_several_networks_give_the_mean_of_their_scores_and_percentiles(tmp_path: Path) -> None:
    table = torch.from_numpy(quantile_table(np.random.default_rng(0).random((200, 3))))
    paths = [
        write_checkpoint(tmp_path / "a.ckpt", 1, quantiles=table, thresholds=torch.tensor([0.1, 0.9, torch.inf])),
        write_checkpoint(tmp_path / "b.ckpt", 2, quantiles=table**2, thresholds=torch.tensor([0.2, 0.8, 0.0])),
    ]
    first, second = (load_tagger(path).tag(SAMPLES, sample_rate=RATE) for path in paths)
    both = load_tagger(paths).tag(SAMPLES, sample_rate=RATE)
    np.testing.assert_allclose(both.values, (first.values + second.values) / 2)
    np.testing.assert_allclose(both.ranks, (first.ranks + second.ranks) / 2)
    np.testing.assert_array_equal(both.decisions, both.values >= [0.15, 0.85, np.inf])
    np.testing.assert_allclose(both.timeline.scores, (first.timeline.scores + second.timeline.scores) / 2, atol=1e-7)
    assert len({first.fingerprint, second.fingerprint, both.fingerprint}) == 3


def test_networks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    one = write_checkpoint(tmp_path / "a.ckpt")
    other_tags = write_checkpoint(tmp_path / "b.ckpt", tags=("x", *TAGS[1:]))
    other_mel = write_checkpoint(tmp_path / "c.ckpt", mel=MEL | {"hop": 128})
    with pytest.raises(CheckpointError, match="cannot be averaged: of their 3 and 3 tags 2 are the same"):
        load_tagger([one, other_tags])
    with pytest.raises(CheckpointError, match="cannot be averaged: they listen to other spectrograms"):
        load_tagger([one, other_mel])
    with pytest.raises(ConfigError, match="embeddings of several models"):
        load_tagger([one, one], with_embeddings=True)
    with pytest.raises(CheckpointError, match="no model is named"):
        load_tagger([])


def test_windows_of_other_lengths_average_without_a_timeline(tmp_path: Path) -> None:
    paths = [write_checkpoint(tmp_path / "a.ckpt"), write_checkpoint(tmp_path / "b.ckpt", windows={"window": 120})]
    assert load_tagger(paths).tag(SAMPLES, sample_rate=RATE).timeline is None


def test_a_checkpoint_without_thresholds_or_a_table_says_so(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "a.ckpt", thresholds=torch.full((3,), torch.nan))
    tags = load_tagger(path).tag(SAMPLES, sample_rate=RATE)
    assert tags.decided is None
    assert tags.percentiles is None
    assert tags.notes == (f"{path} has no fitted thresholds: nothing is decided",)


def test_a_fusion_network_gets_the_tracks_features(tmp_path: Path) -> None:
    from songmood.audio.features import AUDIO_FEATURES, audio_features

    fused = NET | {"fusion": True}
    wanted = (AUDIO_FEATURES[4], "highlevel.mood_sad", AUDIO_FEATURES[0])
    path = write_checkpoint(tmp_path / "a.ckpt", model=fused, features=wanted)
    tags = load_tagger(path).tag(SAMPLES, sample_rate=RATE)
    card = ModelCard.from_plain(read_checkpoint(path)[ModelCard.KEY], path)
    net, state = card.make_net().eval(), read_checkpoint(path)["state_dict"]
    net.load_state_dict({name[4:]: value for name, value in state.items() if name.startswith("net.")})
    mel = MelSpectrogram()(SAMPLES)
    measured = audio_features(SAMPLES, mel)
    features = torch.tensor([[measured[4], np.nan, measured[0]]])
    with torch.no_grad():
        window = net(torch.from_numpy(mel[:WINDOW].T.copy())[None, None], features).sigmoid()[0]
    np.testing.assert_allclose(tags.timeline.scores[0], window, atol=1e-6)
    assert "which count as absent: highlevel.mood_sad" in tags.notes[0]


def test_a_network_of_vectors_that_audio_does_not_tell_is_refused(tmp_path: Path) -> None:
    fused = NET | {"fusion": True}
    path = write_checkpoint(tmp_path / "a.ckpt", model=fused, features=("vector_0", "vector_1"))
    with pytest.raises(CheckpointError, match=r"a.ckpt wants vector_0, vector_1, .* corpus.features_from"):
        load_tagger(path)


def test_the_embedding_is_what_the_output_layer_sees(tmp_path: Path, checkpoint: Path) -> None:
    tags = load_tagger(checkpoint, with_embeddings=True).tag(SAMPLES[: int(2.02 * RATE)], sample_rate=RATE)
    state = read_checkpoint(checkpoint)["state_dict"]
    logits = state["net.head.out.weight"].numpy() @ tags.embedding + state["net.head.out.bias"].numpy()
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), tags.values, atol=1e-6)  # of one window
    assert load_tagger(checkpoint).tag(SAMPLES, sample_rate=RATE).embedding is None


def test_a_file_that_cannot_be_used_is_named_or_left_out(folder: Path, checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.ogg").write_bytes(b"OggS")
    paths = [folder / "0.wav", tmp_path / "bad.ogg", folder / "3.mp3"]
    tagger, errors = load_tagger(checkpoint), []
    assert len(list(tagger.tag_many(paths, on_error=errors.append))) == 2
    assert [type(error) for error in errors] == [CorpusError]
    found = tagger.tag_many(paths)
    assert next(found).source == str(paths[0])
    with pytest.raises(CorpusError, match=r"bad\.ogg"):
        next(found)
    with pytest.raises(CorpusError, match=r"bad\.ogg"):
        tagger.tag(tmp_path / "bad.ogg")


def test_a_run_folder_stands_for_its_last_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    assert load_tagger(checkpoint.parents[1]).fingerprint == load_tagger(checkpoint).fingerprint
    with pytest.raises(CheckpointError, match="is no run folder"):
        load_tagger(tmp_path)
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        load_tagger(tmp_path / "none.ckpt")


def test_the_newest_run_below_a_folder_is_found(tmp_path: Path) -> None:
    assert newest_run(tmp_path) is None
    for age, name in enumerate(["outputs/2026-01-02/11-00-00", "multirun/2026-01-01/10-00-00/3"]):
        path = write_checkpoint(tmp_path / name / "checkpoints" / "last.ckpt")
        os.utime(path, (1e9 - age, 1e9 - age))
    assert newest_run(tmp_path) == tmp_path / "outputs/2026-01-02/11-00-00"


def test_a_device_that_is_not_there_is_refused(checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match=r"device=gpu0 cannot be used here .*: expected auto, cpu or cuda"):
        load_tagger(checkpoint, device="gpu0")


def test_the_fingerprint_changes_with_whatever_changes_results(tmp_path: Path) -> None:
    changes = (
        {"seed": 1},
        {"thresholds": torch.zeros(3)},
        {"windows": {"window": 97}},
        {"mel": MEL | {"floor_db": -180.0}},
    )
    variants: list[dict] = [{}, *changes]
    paths = [write_checkpoint(tmp_path / f"{at}.ckpt", **variant) for at, variant in enumerate(variants)]
    found = [load_tagger(path).fingerprint for path in paths] + [load_tagger(paths[0], hop=1.0).fingerprint]
    assert len(set(found)) == 6
    assert load_tagger(write_checkpoint(tmp_path / "again.ckpt")).fingerprint == found[0]


def test_the_fingerprint_stays_when_a_class_moves_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = NET | {"_target_": "songmood.first_home.crnn"}
    monkeypatch.setitem(MOVED, old["_target_"], NET["_target_"])
    assert read_network(write_checkpoint(tmp_path / "last.ckpt", model=old)).config == old  # not the name of today


def test_the_package_offers_it_without_importing_it() -> None:
    code = "import sys, songmood; assert 'torch' not in sys.modules; print(songmood.load_tagger.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "songmood.tagging.load\n"
