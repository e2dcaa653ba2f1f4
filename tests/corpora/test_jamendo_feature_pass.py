"""What the archives of features held, track by track: numbers, or the reason why there are none."""

import json

import numpy as np

from songmood.corpora.jamendo.acousticbrainz import FEATURES
from songmood.corpora.jamendo.feature_pass import HEAD, FeatureRows


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
