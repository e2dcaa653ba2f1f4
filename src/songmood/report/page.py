"""The report as one HTML page that needs nothing beside it."""

import base64
import gzip
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

import songmood
from songmood.report.charts import Chart, learning_chart, ranking_chart, table_chart, threshold_chart, together_chart
from songmood.report.content import PROVENANCE_HEADS, Content
from songmood.report.paper import METRIC_NAMES
from songmood.report.rows import Entry, Scored, row_name
from songmood.report.runfolder import Result
from songmood.report.tagcurves import calibration_charts, precision_recall_chart, roc_chart
from songmood.report.taglines import HEADS, footnote, tag_lines
from songmood.tag_names import short_names

ASSETS = Path(__file__).parent / "assets"


def render_page(content: Content) -> str:
    """The page; the same content gives the same text."""
    results = content.results
    first = _best([scored.result.evaluation.summary["pr_auc_macro"] for scored in results])
    first_tags = list(results[first].result.evaluation.tags.values()) if results else []
    return rendered(
        "page.html",
        _charts(content),
        content=content,
        names=short_names(content.tags),
        fitted_on=", ".join(dict.fromkeys(scored.result.fitted_on for scored in results)),
        metrics=METRIC_NAMES,
        first=first,
        first_tag=_best([values["pr_auc"] for values in first_tags]),
        results=[_result_view(scored) for scored in results],
        tag_heads=HEADS,
        provenance_heads=PROVENANCE_HEADS,
        configs=_configs(content.entries),
    )


def rendered(template: str, charts: Mapping[str, Chart], **shown: Any) -> str:
    """A page that holds all that it needs.

    Args:
        template: of `assets`.
        charts: by their place on the page.
        **shown: what the template shows.
    """
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "signed": signed, "probability": probability, "link": quote}
    plotly, script = get_plotlyjs(), (ASSETS / "page.js").read_text(encoding="utf-8")
    figures = {f"chart-{name}": chart.to_dict() for name, chart in charts.items()}
    return environment.get_template(template).render(
        **shown,
        version=songmood.__version__,
        css=(ASSETS / "report.css").read_text(encoding="utf-8"),
        charts=packed(json.dumps(figures, ensure_ascii=False, allow_nan=False, separators=(",", ":"))),
        plotly=packed(plotly),
        script=script,
        script_hashes=f"{content_hash(plotly)} {content_hash(script)}",
    )


def packed(text: str) -> str:
    """Compressed, as letters that can stand in a page: a third of the size, and no name in it can end an element."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def content_hash(script: str) -> str:
    """What a content security policy calls the script: the page's own run, and no other that a name brings in."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def number(value: float | None, digits: int = 3) -> str:
    """A number to so many decimals, "–" for what is not there."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def signed(value: float) -> str:
    """A difference, with a true minus."""
    return f"{value:+.3f}".replace("-", "−")


def probability(value: float) -> str:
    """A p-value, "–" where there is none; below a thousandth says only that."""
    if math.isnan(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _charts(content: Content) -> dict[str, Chart]:
    """By their place on the page."""
    charts = {"table": table_chart(content.rows)}
    if not content.results:
        return charts
    results, tags = content.results, short_names(content.tags)
    truth = results[0].result.test.targets
    order = sorted(range(len(tags)), key=lambda tag: (-truth[:, tag].sum(), tag))
    charts |= {
        "loss": learning_chart(results, "loss"),
        "roc-auc": learning_chart(results, "roc_auc_macro"),
        "pr-auc": learning_chart(results, "pr_auc_macro"),
        "roc": roc_chart(results),
        "pr": precision_recall_chart(results),
        "ranking": ranking_chart(results, tags),
        "thresholds": threshold_chart(results, tags),
        "truth": together_chart([truth], tags, order),
        "decided": together_chart([scored.result.test.decisions for scored in results], tags, order, "run"),
    }
    charts["calibration"], charts["calibration-all"] = calibration_charts(results)
    return charts


def _result_view(scored: Scored) -> dict[str, Any]:
    return {
        "label": scored.label,
        "lines": tag_lines(scored.result),
        "footnote": footnote(scored.result),
        "caption": _roc_caption(scored.result),
    }


def _roc_caption(result: Result) -> str:
    if result.rule == "elbow":
        return "ROC: the elbow is the point of the validation curve farthest from its chord"
    return f"ROC: the threshold by {result.rule}, fitted on {result.fitted_on}"


def _configs(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """The configuration of each row that has one, by the row's name."""
    configs = {row_name(entry.row.group, entry.row.variant): entry.run.shared_config for entry in entries}
    return [(name, json.dumps(config, indent=2, ensure_ascii=False)) for name, config in configs.items() if config]


def _best(areas: Sequence[float]) -> int:
    """Where the largest is, the first of equals; 0 where all are NaN or there is none."""
    return max(range(len(areas)), key=lambda at: np.nan_to_num(areas[at]), default=0)
