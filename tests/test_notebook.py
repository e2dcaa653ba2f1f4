"""The notebook of the first steps runs from its first cell to its last."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tiny import ROOT

NOTEBOOK = ROOT / "docs" / "first_steps.ipynb"


def test_the_notebook_trains_looks_scores_and_tags(tmp_path: Path) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code"), "outputs are not committed"
    session = "\n\n".join(code) + "\n\nprint(tagger.tag(song))\n"
    done = subprocess.run(
        [sys.executable, "-c", session],  # like a notebook, whose main module no worker process can import
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ROC-AUC" in done.stdout
    assert (tmp_path / "outputs" / "first" / "metrics.json").is_file()
