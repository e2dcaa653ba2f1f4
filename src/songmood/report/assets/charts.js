// The charts: each function takes data and colours and gives Plotly's traces and layout. None touches the page.
"use strict";

// Tag names come from files: Plotly reads a little HTML in its texts, so none of theirs may be any.
const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const share = (value) => (100 * value).toFixed(value < 0.1 ? 1 : 0) + " %";
const fixed = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));

function layoutOf(colours, more) {
  const axis = { gridcolor: colours.grid, linecolor: colours.line, zerolinecolor: colours.line, tickcolor: colours.line, automargin: true, title: { standoff: 8 } };
  const layout = {
    font: { family: "system-ui, sans-serif", size: 12, color: colours.ink },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 48, r: 12, t: 8, b: 44 }, showlegend: false, dragmode: false, hovermode: "closest",
    hoverlabel: { bgcolor: colours.surface, bordercolor: colours.line, font: { color: colours.ink }, align: "left" },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    ...more,
  };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis/.test(key)).concat("xaxis", "yaxis")) {
    const given = layout[name] || {};
    layout[name] = { ...axis, ...given, title: { ...axis.title, ...(given.title || {}) } };
  }
  return layout;
}

const UNIT = [-0.02, 1.02];

// One row each: ours with its interval, every seed, and the paper's figure.
function tableChart(data, metric, colours) {
  const rows = data.table.filter((row) => row.ours[metric] || row.paper[metric] !== undefined);
  const names = rows.map((row) => escaped(row.name));
  const ours = rows.map((row) => row.ours[metric]);
  const seeds = rows.flatMap((row, at) => (row.ours[metric] ? row.ours[metric].seeds.map((value) => [value, names[at]]) : []));
  const spread = (end) => ours.map((one) => (one ? (end === "high" ? one.high - one.mean : one.mean - one.low) : null));
  const traces = [
    { name: "paper", x: rows.map((row) => row.paper[metric] ?? null), y: names, mode: "markers", marker: { symbol: "diamond-open", size: 11, color: colours.test, line: { width: 2 } }, hovertemplate: "paper %{x:.3f}<extra></extra>" },
    { name: "seeds", x: seeds.map((one) => one[0]), y: seeds.map((one) => one[1]), mode: "markers", marker: { symbol: "line-ns-open", size: 9, color: colours.chord, line: { width: 1.5 } }, hovertemplate: "one seed %{x:.3f}<extra></extra>" },
    {
      name: "ours", x: ours.map((one) => (one ? one.mean : null)), y: names, mode: "markers", marker: { size: 9, color: colours.validation },
      error_x: { type: "data", symmetric: false, array: spread("high"), arrayminus: spread("low"), color: colours.validation, thickness: 1.5, width: 4 },
      text: ours.map((one) => (one ? `${fixed(one.low)} to ${fixed(one.high)}` : "")), hovertemplate: "ours %{x:.3f}<br>%{text}<extra></extra>",
    },
  ];
  const layout = { showlegend: true, height: 90 + 30 * rows.length, yaxis: { autorange: "reversed", categoryorder: "array", categoryarray: names }, margin: { l: 48, r: 12, t: 30, b: 36 } };
  return { traces, layout: layoutOf(colours, layout) };
}

function learningChart(result, colours, isNarrow) {
  const panels = [["train/loss", "validation/loss"], ["validation/roc_auc_macro"], ["validation/pr_auc_macro"]];
  const titles = ["loss", "ROC-AUC, macro", "PR-AUC, macro"];
  const traces = [];
  const layout = { showlegend: true, height: isNarrow ? 620 : 260, grid: isNarrow ? { rows: 3, columns: 1, pattern: "independent", ygap: 0.35 } : { rows: 1, columns: 3, pattern: "independent", xgap: 0.24 }, margin: { l: 48, r: 12, t: 30, b: 40 } };
  panels.forEach((names, panel) => {
    const number = panel ? String(panel + 1) : "";
    layout["xaxis" + number] = { title: { text: "epoch" }, tickformat: "d", nticks: 8, zeroline: false };
    layout["yaxis" + number] = { title: { text: titles[panel] } };
    for (const name of names.filter((one) => result.series[one])) {
      const [x, y] = result.series[name];
      const split = name.split("/")[0];
      traces.push({ x, y, name: split, legendgroup: split, showlegend: panel === 0, mode: "lines+markers", marker: { size: 5 }, line: { width: 2 }, xaxis: "x" + number, yaxis: "y" + number, hovertemplate: "epoch %{x}: %{y:.4f}<extra>" + split + "</extra>" });
      traces[traces.length - 1].marker.color = traces[traces.length - 1].line.color = split === "train" ? colours.test : colours.validation;
    }
  });
  return { traces, layout: layoutOf(colours, layout) };
}

// Bars, best on top; `customdata` carries the tag that a click picks.
function rankingChart(data, result, metric, picked, colours) {
  const value = (tag) => result.perTag[tag][metric];
  const order = data.tags.map((_, tag) => tag).sort((a, b) => (value(b) ?? -1) - (value(a) ?? -1) || a - b);
  const chance = (tag) => (metric === 0 ? result.perTag[tag][2] / result.tracks : 0.5);
  const names = order.map((tag) => escaped(data.tags[tag]));
  const traces = [
    { type: "bar", orientation: "h", x: order.map((tag) => value(tag) ?? 0), y: names, customdata: order, marker: { color: order.map((tag) => (tag === picked ? colours.picked : colours.bar)) }, text: order.map((tag) => `<b>${fixed(value(tag))}</b>, chance ${fixed(chance(tag))}, ${result.perTag[tag][2]} positives`), textposition: "none", hovertemplate: "%{y}: %{text}<extra></extra>" },
    { x: order.map(chance), y: names, customdata: order, mode: "markers", marker: { symbol: "line-ns-open", size: 9, color: colours.ink, line: { width: 1.5 } }, hoverinfo: "skip" },
  ];
  const layout = { height: 60 + 17 * order.length, bargap: 0.25, hovermode: "y", xaxis: { rangemode: "tozero", side: "top" }, yaxis: { range: [order.length - 0.4, -0.6], dtick: 1, tickfont: { size: 11 }, showgrid: false }, margin: { l: 48, r: 12, t: 28, b: 8 } };
  return { traces, layout: layoutOf(colours, layout) };
}

const rate = (count, of) => (of ? count / of : 0);
const rocLine = (curve) => [[0, ...curve.fp.map((count) => rate(count, curve.negatives))], [0, ...curve.tp.map((count) => rate(count, curve.positives))]];
const pointText = (curve) => curve.score.map((score, at) => `score ≥ ${score}: ${curve.tp[at]} of ${curve.positives} found, ${curve.fp[at]} wrong`);

// ROC: the validation curve with its chord and the threshold's point dropped on it, and how the test curve came out.
function rocChart(result, tag, colours, isNarrow) {
  const traces = [{ name: "chord", x: [0, 1], y: [0, 1], mode: "lines", line: { color: colours.chord, width: 1.5, dash: "dash" }, hoverinfo: "skip" }];
  for (const split of ["test", "validation"].filter((name) => result[name].length)) {
    const curve = result[split][tag];
    const [x, y] = rocLine(curve);
    const colour = colours[split];
    traces.push({ name: split, x, y, mode: "lines", line: { color: colour, width: split === "validation" ? 2.5 : 1.5 }, text: ["nothing decided", ...pointText(curve)], hovertemplate: "%{text}<extra>" + split + "</extra>" });
    if (curve.at === null || !curve.positives || !curve.negatives) continue;
    const [fpr, tpr] = [x[curve.at + 1], y[curve.at + 1]];
    const foot = (fpr + tpr) / 2;
    if (split === "validation" && result.rule === "elbow") traces.push({ name: "distance", x: [fpr, foot], y: [tpr, foot], mode: "lines", line: { color: colour, width: 1.5, dash: "dot" }, showlegend: false, hoverinfo: "skip" });
    traces.push({ name: split === "validation" ? result.rule || "threshold" : "same threshold, test", x: [fpr], y: [tpr], mode: "markers", marker: { size: 11, color: colour, symbol: split === "validation" ? "circle" : "circle-open", line: { width: 2, color: colour } }, hovertemplate: `${pointText(curve)[curve.at]}<extra>${split}</extra>` });
  }
  const layout = { height: 400, showlegend: true, xaxis: { title: { text: "false positive rate" }, range: UNIT, constrain: "domain" }, yaxis: { title: { text: "true positive rate" }, range: UNIT, scaleanchor: "x", constrain: "domain", constraintoward: "top" }, margin: { l: 48, r: 12, t: isNarrow ? 60 : 8, b: 44 } };
  if (!isNarrow) layout.legend = { x: 1, y: 0.02, xanchor: "right", yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" };
  return { traces, layout: layoutOf(colours, layout) };
}

function precisionRecallChart(result, tag, colours) {
  const curve = result.test[tag];
  const recall = curve.tp.map((count) => rate(count, curve.positives));
  const precision = curve.tp.map((count, at) => count / (count + curve.fp[at]));
  const base = rate(curve.positives, curve.positives + curve.negatives);
  const traces = [
    { name: "base rate", x: [0, 1], y: [base, base], mode: "lines", line: { color: colours.chord, width: 1.5, dash: "dash" }, hovertemplate: `base rate ${share(base)}<extra></extra>` },
    { name: "test", x: recall, y: precision, mode: "lines", line: { color: colours.test, width: 2 }, text: pointText(curve), hovertemplate: "%{text}<br>precision %{y:.3f}, recall %{x:.3f}<extra></extra>" },
  ];
  if (curve.at !== null) traces.push({ name: "threshold", x: [recall[curve.at]], y: [precision[curve.at]], mode: "markers", marker: { size: 10, color: colours.test, symbol: "circle-open", line: { width: 2 } }, hovertemplate: "at the threshold: precision %{y:.3f}, recall %{x:.3f}<extra></extra>" });
  return { traces, layout: layoutOf(colours, { height: 270, xaxis: { title: { text: "recall" }, range: UNIT }, yaxis: { title: { text: "precision" }, rangemode: "tozero" } }) };
}

// Wilson's interval of a share: it does not collapse where none or all are positive.
function wilson(positives, count) {
  const z = 1.96, part = positives / count, scale = 1 + (z * z) / count;
  const middle = (part + (z * z) / (2 * count)) / scale;
  const half = (z * Math.sqrt((part * (1 - part)) / count + (z * z) / (4 * count * count))) / scale;
  return [middle - half, middle + half];
}

function calibrationChart([scores, positives, counts], colours, height) {
  const shares = positives.map((count, at) => count / counts[at]);
  const ends = positives.map((count, at) => wilson(count, counts[at]));
  const top = Math.min(1, 1.06 * Math.max(0.01, ...scores, ...ends.map((end) => end[1])));
  const traces = [
    { x: [0, 1], y: [0, 1], mode: "lines", line: { color: colours.chord, width: 1.5, dash: "dash" }, hoverinfo: "skip" },
    {
      x: scores, y: shares, mode: "lines+markers", line: { color: colours.test, width: 1.5 }, marker: { size: 7, color: colours.test },
      error_y: { type: "data", symmetric: false, array: ends.map((end, at) => end[1] - shares[at]), arrayminus: ends.map((end, at) => shares[at] - end[0]), color: colours.test, thickness: 1, width: 3 },
      text: counts.map((count, at) => `${positives[at]} of ${count} have the tag: ${share(shares[at])}`), hovertemplate: "mean score %{x:.3f}<br>%{text}<extra></extra>",
    },
  ];
  return { traces, layout: layoutOf(colours, { height, xaxis: { title: { text: "score" }, range: [0, top], nticks: 6 }, yaxis: { title: { text: "share with the tag" }, range: [0, top], nticks: 6 } }) };
}

function thresholdChart(data, result, picked, colours) {
  const tags = data.tags.map((_, tag) => tag).filter((tag) => result.thresholds[tag] !== null && result.fitted.length);
  const traces = [{
    x: tags.map((tag) => result.fitted[tag]), y: tags.map((tag) => result.thresholds[tag]), customdata: tags, mode: "markers",
    marker: { size: tags.map((tag) => (tag === picked ? 13 : 8)), color: tags.map((tag) => (tag === picked ? colours.picked : colours.bar)), line: { color: colours.validation, width: 1 } },
    text: tags.map((tag) => `<b>${escaped(data.tags[tag])}</b><br>threshold ${result.thresholds[tag]}<br>fitted on ${result.fitted[tag]} positives`), hovertemplate: "%{text}<extra></extra>",
  }];
  const ticks = [0, 1, 2, 3, 4].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
  return { traces, layout: layoutOf(colours, { height: 340, xaxis: { title: { text: "positives in the fitting set" }, type: "log", tickvals: ticks, ticktext: ticks.map((tick) => tick.toLocaleString("en")) }, yaxis: { title: { text: "threshold" }, rangemode: "tozero" } }) };
}

// Heat map of a shared count: rows and columns by how frequent the tag is in truth, so both squares can be compared.
function togetherChart(data, counts, colours, isNarrow) {
  const size = data.tags.length;
  const at = (row, column) => (row <= column ? row * size - (row * (row - 1)) / 2 + column - row : at(column, row));
  const order = data.tags.map((_, tag) => tag).sort((a, b) => data.truth[at(b, b)] - data.truth[at(a, a)] || a - b);
  const names = order.map((tag) => escaped(data.tags[tag]));
  const z = order.map((row) => order.map((column) => (row === column || !counts[at(row, row)] ? null : counts[at(row, column)] / counts[at(row, row)])));
  const text = order.map((row, r) => order.map((column, c) => `${names[r]} and ${names[c]}: ${counts[at(row, column)]} of ${counts[at(row, row)]}`));
  const axis = { tickfont: { size: size > 30 ? 9 : 11 }, showgrid: false, zeroline: false, dtick: 1, showticklabels: !isNarrow || size <= 30 };
  const traces = [{ type: "heatmap", x: names, y: names, z, text, zmin: 0, zmax: 1, hoverongaps: false, hovertemplate: "%{text}, %{z:.0%}<extra></extra>", colorscale: [[0, colours.heatLow], [0.4, colours.heatMiddle], [1, colours.heatHigh]], showscale: !isNarrow, colorbar: { thickness: 10, outlinewidth: 0, tickformat: ".0%", tickfont: { color: colours.ink } }, xgap: size > 30 ? 0 : 1, ygap: size > 30 ? 0 : 1 }];
  return { traces, layout: layoutOf(colours, { height: isNarrow ? 400 : 560, xaxis: { ...axis, tickangle: -90 }, yaxis: { ...axis, autorange: "reversed" }, margin: { l: isNarrow ? 8 : 48, r: 8, t: 8, b: isNarrow ? 8 : 48 } }) };
}
