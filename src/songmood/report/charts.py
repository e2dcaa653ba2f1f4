"""The page's charts, built by Plotly here; the page only picks what each of them shows.

A chart is one figure and a table of values: the figure holds each trace's looks once, the values what its traces show
for a run or a tag. Colours are CSS variables of the page, which knows whether it is light or dark.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from songmood.evaluation.curves import Booleans
from songmood.report.paper import METRICS
from songmood.report.rows import Scored
from songmood.report.runfolder import Result
from songmood.report.table import TableRow

INK, LINE, GRID, SURFACE = "var(--ink)", "var(--line)", "var(--grid)", "var(--surface)"
VALIDATION, TEST, CHORD, BAR, HEAT = "var(--validation)", "var(--test)", "var(--chord)", "var(--bar)", "var(--heat)"
AXIS = {"gridcolor": GRID, "linecolor": LINE, "zerolinecolor": LINE, "automargin": True, "ticklabelstandoff": 4}
LOOK = go.layout.Template(
    layout={
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 48, "r": 12, "t": 8, "b": 44},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": SURFACE, "bordercolor": LINE, "font": {"color": INK}, "align": "left"},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": {**AXIS, "title": {"standoff": 8}},
        "yaxis": {**AXIS, "title": {"standoff": 8}},
    }
)
PICKABLE: dict[str, Any] = {
    "selected": {"marker": {"color": VALIDATION}},
    "unselected": {"marker": {"opacity": 1}},
}
Shown = dict[str, Any] | None  # attributes of a trace; None where it shows nothing


@dataclass(frozen=True)
class Chart:
    """A figure, and what its traces show.

    Attributes:
        figure: traces with their looks, and the layout.
        choices: which of the page's choices it follows, such as `run` and `tag`.
        values: lists within lists, one level for each choice; innermost one `Shown` for each trace.
    """

    figure: go.Figure
    choices: tuple[str, ...]
    values: list[Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, ready for JSON."""
        return {"figure": self.figure.to_plotly_json(), "choices": self.choices, "values": self.values}


def figure(*traces: Any, **layout: Any) -> go.Figure:
    """A figure in the page's looks."""
    return go.Figure(traces, layout={"template": LOOK, **layout})


def line(colour: str, width: float = 1.5, hover: str = "", **more: Any) -> go.Scatter:
    """A trace of lines; without a text it does not answer the pointer."""
    more = {"mode": "lines", "line": {"color": colour, "width": width}, **more}
    return go.Scatter(**more, **_answer(hover))


def dashed(**more: Any) -> go.Scatter:
    """What chance would be."""
    return line(CHORD, line={"color": CHORD, "width": 1.5, "dash": "dash"}, showlegend=False, **more)


def dots(colour: str, size: int, symbol: str = "circle", hover: str = "", **more: Any) -> go.Scatter:
    """A trace of markers."""
    marker = {"symbol": symbol, "size": size, "color": colour, "line": {"width": 1.5, "color": colour}}
    return go.Scatter(mode="markers", marker=marker, **more, **_answer(hover))


def _answer(hover: str) -> dict[str, str]:
    return {"hovertemplate": f"{hover}<extra></extra>"} if hover else {"hoverinfo": "skip"}


def rounded(values: ArrayLike, digits: int = 3) -> list[float | None]:
    """Numbers as short as a chart can show them; None, which is a gap, for NaN and infinity."""
    numbers = np.asarray(values, dtype=np.float64)
    return [value if abs(value) < np.inf else None for value in numbers.round(digits).tolist()]


def escaped(names: Sequence[str]) -> list[str]:
    """Names as Plotly's texts show them: it reads a little HTML, and names come from files."""
    return [html.escape(name, quote=False) for name in names]


def table_chart(rows: Sequence[TableRow]) -> Chart:
    """For each row ours with its interval, every seed and the paper's figure; the metric is chosen."""
    rows = [row for row in rows if row.members or row.paper]
    names = escaped([row.label for row in rows])
    seeds = [name for row, name in zip(rows, names, strict=True) for _ in row.members]
    shown = figure(
        line(BAR, 6, y=np.repeat(names, 3).tolist(), showlegend=False),
        dots(TEST, 11, "diamond-open", "paper %{x:.3f}", name="paper", y=names),
        dots(CHORD, 9, "line-ns-open", "one seed %{x:.3f}", name="seeds", y=seeds),
        dots(VALIDATION, 9, "circle", "ours %{x:.3f}<br>%{text}", name="ours", y=names),
        height=90 + 30 * len(rows),
        showlegend=True,
        margin={"t": 30, "b": 36},
        yaxis={"autorange": "reversed", "categoryorder": "array", "categoryarray": names},
    )
    return Chart(shown, ("metric",), [_table_values(rows, at, metric) for at, metric in enumerate(METRICS)])


def _table_values(rows: Sequence[TableRow], at: int, metric: str) -> list[Shown]:
    ours = [row.estimates.get(metric) for row in rows]
    text = [f"{one.low:.3f} to {one.high:.3f}" if one else "" for one in ours]
    return [
        {"x": rounded([end for one in ours for end in ((one.low, one.high, np.nan) if one else (np.nan,) * 3)], 4)},
        {"x": [row.paper.figures[at] if row.paper else None for row in rows]},
        {"x": rounded([seed for one in ours if one for seed in one.seeds], 4)},
        {"x": rounded([one.mean if one else np.nan for one in ours], 4), "text": text},
    ]


def learning_chart(results: Sequence[Scored], metric: str) -> Chart:
    """A column of `metrics.csv` over epochs, a line for each split that has it; the run is chosen."""
    looks = {"mode": "lines+markers", "marker": {"size": 5}}
    values = [[_learned(scored, f"{split}/{metric}") for split in ("train", "validation")] for scored in results]
    shown = figure(
        line(TEST, 2, "epoch %{x}, train: %{y:.4f}", name="train", **looks),
        line(VALIDATION, 2, "epoch %{x}, validation: %{y:.4f}", name="validation", **looks),
        height=240,
        showlegend=any(train for train, _ in values),
        xaxis={"title": {"text": "epoch"}, "tickformat": "d", "nticks": 8, "zeroline": False},
    )
    return Chart(shown, ("run",), values)


def _learned(scored: Scored, name: str) -> Shown:
    epochs, values = scored.entry.run.series.get(name, ([], []))
    return {"x": epochs, "y": rounded(values, 5)} if epochs else None


def ranking_chart(results: Sequence[Scored], tags: Sequence[str]) -> Chart:
    """Bars of every tag, best on top, each with a tick where chance would be; run and metric are chosen."""
    bar = go.Bar(orientation="h", marker={"color": BAR}, hovertemplate="%{hovertext}<extra></extra>", **PICKABLE)
    shown = figure(
        bar,
        dots(INK, 9, "line-ns-open"),
        height=60 + 17 * len(tags),
        bargap=0.25,
        hovermode="y",
        margin={"t": 28, "b": 8},
        xaxis={"rangemode": "tozero", "side": "top"},
        yaxis={"range": [len(tags) - 0.4, -0.6], "dtick": 1, "tickfont": {"size": 11}, "showgrid": False},
    )
    names = escaped(tags)
    values = [[_ranked(scored.result, names, metric) for metric in ("pr_auc", "roc_auc")] for scored in results]
    return Chart(shown, ("run", "ranking"), values)


def _ranked(result: Result, names: Sequence[str], metric: str) -> list[Shown]:
    tags = list(result.evaluation.tags.values())
    order = sorted(range(len(tags)), key=lambda tag: (-np.nan_to_num(tags[tag][metric], nan=-1), tag))
    y, values = [names[tag] for tag in order], [tags[tag][metric] for tag in order]
    positives = [int(tags[tag]["positives"]) for tag in order]
    chance = [count / result.evaluation.num_tracks if metric == "pr_auc" else 0.5 for count in positives]
    columns = zip(y, values, chance, positives, strict=True)
    text = [f"{tag}: <b>{value:.3f}</b>, chance {base:.3f}, {count} positives" for tag, value, base, count in columns]
    return [{"x": rounded(values), "y": y, "customdata": order, "hovertext": text}, {"x": rounded(chance), "y": y}]


def threshold_chart(results: Sequence[Scored], tags: Sequence[str]) -> Chart:
    """Each tag's threshold over the positives that it was fitted on; the run is chosen."""
    ticks = [1, 2, 3, 5, 7, *(digit * 10**power for power in range(4) for digit in (10, 15, 20, 30, 50, 70))]
    looks = {**PICKABLE, "selected": {"marker": {"color": VALIDATION, "size": 12}}}
    text = "<b>%{text}</b><br>threshold %{y:.4g}<br>fitted on %{x} positives"
    shown = figure(
        dots(BAR, 8, hover=text, text=escaped(tags), customdata=list(range(len(tags))), **looks),
        height=340,
        xaxis={"title": {"text": "positives in the fitting set"}, "type": "log", "tickvals": ticks},
        yaxis={"title": {"text": "threshold"}, "rangemode": "tozero"},
    )
    tables = [scored.result.thresholds for scored in results]
    values = [[table and {"x": list(table.positives), "y": rounded(table.thresholds, 5)}] for table in tables]
    return Chart(shown, ("run",), values)


def together_chart(claims: Sequence[Booleans], tags: Sequence[str], order: Sequence[int], *choice: str) -> Chart:
    """A square of tags: of the tracks that have the row's, the percentage that has the column's too.

    Args:
        claims: (N, L), one for each option of the choice, or one alone.
        tags: L names.
        order: of rows and columns.
        choice: that decides what is shown; none where there is one alone.
    """
    names = [escaped(tags)[tag] for tag in order]
    axis = {"tickfont": {"size": 9 if len(tags) > 30 else 11}, "showgrid": False, "zeroline": False, "dtick": 1}
    text = "of the tracks with %{y}, %{z} % have %{x} too<extra></extra>"
    colours = {"colorscale": ((0, SURFACE), (0.4, BAR), (1, HEAT)), "zmin": 0, "zmax": 100, "hoverongaps": False}
    shown = figure(
        go.Heatmap(x=names, y=names, hovertemplate=text, colorbar={"thickness": 10, "ticksuffix": " %"}, **colours),
        height=560,
        xaxis={**axis, "tickangle": -90},
        yaxis={**axis, "autorange": "reversed"},
    )
    values = [[{"z": percentages_together(claim[:, list(order)])}] for claim in claims]
    return Chart(shown, choice, values if choice else values[0])


def percentages_together(claims: Booleans) -> list[list[int | None]]:
    """(L, L): of the tracks with one tag, how many have another; None for a tag with itself or without tracks."""
    counts = claims.astype(np.float64)  # exact for counts, and a matrix product that is fast
    both = counts.T @ counts
    alone = np.diagonal(both)
    shares = 100 * both / np.maximum(alone, 1)[:, None]
    return [
        [None if row == column or not alone[row] else round(share) for column, share in enumerate(shares_of)]
        for row, shares_of in enumerate(shares.tolist())
    ]
