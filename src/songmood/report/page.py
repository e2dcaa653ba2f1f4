"""The report as one HTML page that needs nothing beside it."""

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import songmood
from songmood.report.content import Content
from songmood.report.paper import METRIC_NAMES, METRICS
from songmood.report.payload import payload
from songmood.report.provenance import shared_config
from songmood.report.rows import Entry, Scored, row_name
from songmood.report.summary import PROVENANCE_HEADS, best_labels, provenance_lines
from songmood.report.taglines import extremes, footnote, tag_lines
from songmood.tag_names import short_names

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("charts.js", "page.js")


def render_page(content: Content) -> str:
    """The page; the same content gives the same text."""
    from plotly.offline import get_plotlyjs  # a second to import, and only the page needs it

    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "signed": signed, "probability": probability, "link": quote}
    scripts = [get_plotlyjs(), *((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS)]
    results = content.results
    return environment.get_template("page.html").render(
        content=content,
        rows=content.rows,
        comparisons=content.comparisons,
        resamples=content.resamples,
        cards=content.cards,
        notices=content.notices,
        tags=content.tags,
        names=short_names(content.tags),
        num_tracks=content.num_tracks,
        fitted_on=", ".join(dict.fromkeys(scored.result.fitted_on for scored in results)),
        metrics=[{"key": metric, "name": METRIC_NAMES[metric]} for metric in METRICS],
        best=best_labels(content.rows),
        first=_best_result(results),
        first_tag=_best_tag(results[_best_result(results)]) if results else 0,
        results=[_result_view(scored) for scored in results],
        provenance_heads=PROVENANCE_HEADS,
        provenance=provenance_lines(content.entries, content.out),
        configs=_configs(content.entries),
        version=songmood.__version__,
        css=(ASSETS / "report.css").read_text(encoding="utf-8"),
        payload=embedded_json(payload(content.rows, results, content.tags)),
        scripts=scripts,
        script_hashes=" ".join(content_hash(script) for script in scripts),
    )


def embedded_json(content: Any) -> str:
    """JSON that can stand in a script element: no name in it can end the element or open another."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def content_hash(script: str) -> str:
    """What a content security policy calls the script: the page's own run, and no other that a name brings in."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def figure(value: float | None, digits: int = 3) -> str:
    """A number to so many decimals, "–" for what is not there."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def signed(value: float) -> str:
    """A difference, with a true minus."""
    return f"{value:+.3f}".replace("-", "−")


def probability(value: float) -> str:
    """A p-value; below a thousandth says only that."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _result_view(scored: Scored) -> dict[str, Any]:
    return {
        "label": scored.label,
        "extremes": extremes(scored.result),
        "lines": tag_lines(scored.result),
        "footnote": footnote(scored.result),
    }


def _configs(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """The configuration of each row that has one, by the row's name."""
    configs = {row_name(entry.row.group, entry.row.variant): shared_config(entry.run) for entry in entries}
    return [(name, json.dumps(config, indent=2, ensure_ascii=False)) for name, config in configs.items() if config]


def _best_result(results: Sequence[Scored]) -> int:
    """Which result the page opens with: the one with the largest macro PR-AUC."""
    areas = [scored.result.evaluation.summary["pr_auc_macro"] for scored in results]
    return max(range(len(areas)), key=lambda at: (math.isfinite(areas[at]), areas[at], -at), default=0)


def _best_tag(scored: Scored) -> int:
    """Which tag it opens with: the one with the largest average precision."""
    areas = [values["pr_auc"] for values in scored.result.evaluation.tags.values()]
    return max(range(len(areas)), key=lambda at: (math.isfinite(areas[at]), areas[at], -at))
