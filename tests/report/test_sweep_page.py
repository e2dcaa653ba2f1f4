"""The page of a sweep shows its table, each run, learning curves as bands, and each tag's difference from the first."""

import json
from pathlib import Path
from statistics import mean, stdev

import pytest
from omegaconf import OmegaConf

from songmood.commands.report import report
from songmood.report.sweep_page import bands_chart, build_sweep_page, tags_chart
from songmood.runs.sweeps.table import read_sweep

AREAS = {  # average precision of two tags, by model and seed
    "crnn": [(0.2, 0.4), (0.4, 0.6)],
    "crnn_attn": [(0.5, 0.3), (0.7, 0.7)],
}
CURVES = {"crnn": [(0.1, 0.2), (0.3, 0.6)], "crnn_attn": [(0.4, 0.5), (0.4, 0.7)]}  # validation, epochs 1 and 2


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    for model, by_seed in AREAS.items():
        for seed, areas in enumerate(by_seed):
            folder = tmp_path / "my sweep" / f"model={model},seed={seed}"
            (folder / ".hydra").mkdir(parents=True)
            OmegaConf.save(OmegaConf.create([f"model={model}", f"seed={seed}"]), folder / ".hydra" / "overrides.yaml")
            OmegaConf.save(OmegaConf.create({"seed": seed}), folder / ".hydra" / "config.yaml")
            tags = dict(
                zip(("mood/theme---calm", "mood/theme---<dark>"), ({"pr_auc": area} for area in areas), strict=True)
            )
            scores = {"roc_auc_macro": 0.5, "pr_auc_macro": mean(areas), "f1_macro": 0.5, "f1_micro": 0.5, "tags": tags}
            (folder / "metrics.json").write_text(json.dumps({"test": scores}))
            lines = [f"{epoch},{area}" for epoch, area in enumerate(CURVES[model][seed], 1)]
            (folder / "metrics.csv").write_text("\n".join(["epoch,validation/pr_auc_macro", *lines]) + "\n")
    failed = tmp_path / "my sweep" / "model=vggish,seed=0"
    (failed / ".hydra").mkdir(parents=True)
    OmegaConf.save(OmegaConf.create(["model=vggish", "seed=0"]), failed / ".hydra" / "overrides.yaml")
    OmegaConf.save(OmegaConf.create({"seed": 0}), failed / ".hydra" / "config.yaml")
    (failed / "failed.txt").write_text("ConfigError: <no> features\n")
    OmegaConf.save(OmegaConf.create({"hydra": {"overrides": {"task": []}}}), tmp_path / "my sweep" / "multirun.yaml")
    return tmp_path / "my sweep"


def test_the_page_has_the_table_each_run_and_what_failed(sweep: Path, tmp_path: Path) -> None:
    report([sweep], tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text()
    assert page.index("model=crnn_attn</th>") < page.index("model=crnn</th>") < page.index("1 failed")
    for part in ("0.5500 <", "0.4000 <", "−0.150", "ConfigError: &lt;no&gt; features"):
        assert part.replace(" <", "") in page
    for job in ("model%3Dcrnn%2Cseed%3D1", "model%3Dvggish%2Cseed%3D0"):
        assert f"../my%20sweep/{job}" in page


def test_the_same_runs_give_the_same_page(sweep: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        build_sweep_page(sweep, tmp_path / name / "index.html")
    assert (tmp_path / "one" / "index.html").read_bytes() == (tmp_path / "two" / "index.html").read_bytes()


def test_a_band_is_a_mean_of_runs_and_a_standard_deviation_either_way(sweep: Path) -> None:
    rows = [row for row in read_sweep(sweep).rows if row.finished]
    first_band, first, band, line = bands_chart(rows).values[1][0]
    epochs = [(0.1, 0.3), (0.2, 0.6)]
    assert line == {"x": [1, 2], "y": pytest.approx([mean(epoch) for epoch in epochs])}
    low, high = ([mean(epoch) + sign * stdev(epoch) for epoch in epochs] for sign in (-1, 1))
    assert band == {"x": [1, 2, 2, 1], "y": pytest.approx([*low, *high[::-1]], abs=1e-5)}
    assert first["y"] == pytest.approx([0.4, 0.6])
    assert first_band["y"][0] == pytest.approx(0.4)


def test_tags_are_ordered_by_how_far_the_row_is_from_the_first(sweep: Path) -> None:
    rows = [row for row in read_sweep(sweep).rows if row.finished]
    of_the_first, of_the_other = tags_chart(rows).values
    assert of_the_first == [None, None, None]
    _, ends, differences = of_the_other
    assert differences["y"] == ["&lt;dark&gt;", "calm"]
    assert differences["x"] == pytest.approx([0.0, -0.3])
    assert ends["x"][3:5] == pytest.approx([-0.3, -0.3])  # both seeds agree
    assert ends["x"][0] == pytest.approx(-12.7062 * 0.1, abs=1e-4)  # Student's quantile times the SD over root two
