"""What the archives of features held, track by track: numbers, or the reason why there are none."""

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest

from jamendo_tars import documents_of, make_tracks, tar_bytes
from songmood.corpora.jamendo.acousticbrainz import FEATURES
from songmood.corpora.jamendo.features import HEAD, FeatureRows, FeatureTar
from songmood.errors import CorpusError

TRACKS = make_tracks(3, num_folders=1)
STEMS = tuple(track.stem for track in TRACKS)


def test_a_track_has_its_numbers_or_the_reason_why_it_has_none(tmp_path):
    numbers = [float(column) for column in range(len(FEATURES))]
    lines = [
        HEAD,
        {"tar": "00.tar", "sha256": "a", "rows": {"00/1": numbers}, "reasons": {"00/2": "no JSON"}, "strays": []},
        {"tar": "01.tar", "sha256": "of another archive", "rows": {"01/3": numbers}, "reasons": {}, "strays": []},
    ]
    journal = tmp_path / "features.journal"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    features, reasons = FeatureRows(journal, {"00.tar": "a", "01.tar": "b"}).matrix(["01/3", "00/2", "00/1"])
    assert reasons == ["no AcousticBrainz document", "no features: no JSON", ""]
    assert features[2].tolist() == numbers
    assert np.isnan(features[:2]).all()


def feature_tar(tmp_path, documents):
    path = tmp_path / "autotagging_moodtheme_acousticbrainz-00.tar.gz"
    path.write_bytes(gzip.compress(tar_bytes(documents.items())))
    return FeatureTar(path, TRACKS)


def test_features_come_from_either_document_whatever_their_order(tmp_path):
    documents = documents_of(TRACKS, with_highlevel=True)
    for ordered in (documents, dict(reversed(documents.items()))):
        job = feature_tar(tmp_path, ordered)
        rows = job.entry("sum")["rows"]
        bpm, danceable = FEATURES.index("rhythm.bpm"), FEATURES.index("highlevel.danceability.all.danceable")
        assert [rows[stem][bpm] for stem in STEMS] == [100.0, 101.0, 102.0]
        assert [rows[stem][danceable] for stem in STEMS] == pytest.approx([0.0, 0.01, 0.02])
        assert not job.entry("sum")["strays"]
        assert not job.entry("sum")["reasons"]


def test_highlevel_inside_the_first_document_is_taken_too(tmp_path):
    document = {"highlevel": {"mood_sad": {"all": {"sad": 0.25, "not_sad": 0.75}}}}
    job = feature_tar(tmp_path, {f"{STEMS[0]}.json": json.dumps(document).encode()})
    entry = job.entry("sum")
    assert entry["reasons"] == dict.fromkeys(STEMS[1:], "not in autotagging_moodtheme_acousticbrainz-00.tar.gz")
    assert entry["rows"][STEMS[0]][FEATURES.index("highlevel.mood_sad.all.sad")] == 0.25


def test_a_bad_document_is_refused_and_the_others_are_taken(tmp_path):
    documents = documents_of(TRACKS) | {f"{STEMS[0]}.json": b"{not json", f"{STEMS[1]}.json": b"[1]"}
    entry = feature_tar(tmp_path, documents).entry("sum")
    assert "not a JSON document" in entry["reasons"][STEMS[0]]
    assert "expected an object" in entry["reasons"][STEMS[1]]
    assert list(entry["rows"]) == [STEMS[2]]


def test_what_belongs_to_no_track_is_named_and_strict_stops_there(tmp_path):
    job = feature_tar(tmp_path, {"../evil.json": b"{}"} | documents_of(TRACKS))
    entry = job.entry("sum")
    assert [stray.partition(" in ")[0] for stray in entry["strays"]] == ["../evil.json"]
    assert entry["rows"].keys() == set(STEMS)
    with pytest.raises(CorpusError, match=r"\.\./evil\.json .*strict"):
        replace(job, strict=True).entry("sum")
