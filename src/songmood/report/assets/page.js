// The page: which run and tag are picked, sorting, and drawing a chart when it comes into view.
"use strict";

(() => {
  const root = document.documentElement;
  root.className = "script";
  const data = JSON.parse(document.getElementById("payload").textContent);
  const byId = (id) => document.getElementById(id);
  const run = Number(byId("pick-run")?.value ?? 0);
  const state = { run, tag: Number(byId("pick-tag")?.value ?? 0) };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 48rem)");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  function colours() {
    const style = getComputedStyle(root);
    const names = { heatLow: "heat-low", heatMiddle: "heat-middle", heatHigh: "heat-high" };
    for (const name of ["ink", "surface", "line", "grid", "validation", "test", "chord", "bar", "picked"]) names[name] = name;
    return Object.fromEntries(Object.entries(names).map(([key, name]) => [key, style.getPropertyValue("--" + name).trim()]));
  }

  // What each chart shows, and which of the choices it depends on.
  const result = () => data.results[state.run];
  const charts = {
    "chart-table": { on: ["metric"], draw: (c) => tableChart(data, byId("metric").value, c) },
    "chart-learning": { on: ["run"], draw: (c) => learningChart(result(), c, narrow.matches) },
    "chart-tags": { on: ["run", "tag", "tag-metric"], draw: (c) => rankingChart(data, result(), Number(byId("tag-metric").value), state.tag, c) },
    "chart-roc": { on: ["run", "tag"], draw: (c) => rocChart(result(), state.tag, c, narrow.matches) },
    "chart-pr": { on: ["run", "tag"], draw: (c) => precisionRecallChart(result(), state.tag, c) },
    "chart-calibration": { on: ["run", "tag"], draw: (c) => calibrationChart(result().calibration[state.tag], c, 270) },
    "chart-calibration-all": { on: ["run"], draw: (c) => calibrationChart(result().calibrationOfAll, c, 340) },
    "chart-thresholds": { on: ["run", "tag"], draw: (c) => thresholdChart(data, result(), state.tag, c) },
    "chart-truth": { on: [], draw: (c) => togetherChart(data, data.truth, c, narrow.matches) },
    "chart-decided": { on: ["run"], draw: (c) => togetherChart(data, result().decided, c, narrow.matches) },
  };
  for (const id of Object.keys(charts)) if (!byId(id)) delete charts[id];

  function draw(id) {
    const chart = charts[id];
    if (!chart.isVisible || !chart.isStale) return;
    chart.isStale = false;
    const { traces, layout } = chart.draw(colours());
    const element = byId(id);
    Plotly.react(element, traces, layout, { responsive: true, displayModeBar: false });
    if (chart.isBound) return;
    chart.isBound = true;
    element.on("plotly_click", (event) => {
      const tag = event.points[0].customdata;
      if (tag !== undefined) pick({ tag }, true);
    });
  }

  function redraw(choice) {
    for (const [id, chart] of Object.entries(charts)) {
      if (choice === undefined || chart.on.includes(choice)) chart.isStale = true;
      draw(id);
    }
  }

  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      charts[entry.target.id].isVisible = entry.isIntersecting;
      draw(entry.target.id);
    }
  }, { rootMargin: "400px" });

  function describe() {
    if (!data.results.length) return;
    const shown = result();
    const [precision, area, positives] = shown.perTag[state.tag];
    const threshold = shown.thresholds[state.tag];
    byId("tag-title").textContent = data.tags[state.tag];
    byId("tag-facts").textContent = `${shown.label}. Average precision ${fixed(precision)} (base rate ${fixed(positives / shown.tracks)}), ROC-AUC ${fixed(area)}; ${positives} positives in the test split. `
      + (threshold === null ? "Never decided." : `Threshold ${threshold}, ${shown.rule || "unnamed rule"}, fitted on ${shown.fittedOn}.`);
    byId("ranking-caption").textContent = byId("tag-metric").value === "0" ? "Average precision; the tick is the tag's base rate" : "ROC-AUC; the tick is chance";
    byId("roc-caption").textContent = shown.rule === "elbow"
      ? "ROC: the elbow is the point of the validation curve farthest from its chord"
      : `ROC: the threshold by ${shown.rule || "an unnamed rule"}, fitted on ${shown.fittedOn}`;
    byId("learning").hidden = !Object.keys(shown.series).length;
    byId("pick-run").value = state.run;
    byId("pick-tag").value = state.tag;
    for (const article of document.querySelectorAll(".result")) {
      article.classList.toggle("shown", Number(article.dataset.result) === state.run);
      for (const head of article.querySelectorAll("[data-tag]")) head.parentElement.classList.toggle("picked", Number(head.dataset.tag) === state.tag);
    }
  }

  function pick(choice, isFar) {
    Object.assign(state, choice);
    describe();
    for (const name of Object.keys(choice)) redraw(name);
    if (!isFar) return;
    const box = byId("tag-curves").getBoundingClientRect();
    if (box.top < 0 || box.top > innerHeight - 200) byId("tag-curves").scrollIntoView({ behavior: calm.matches ? "auto" : "smooth" });
  }

  // Sorting: numbers by data-value, largest first; texts by the alphabet; what has no value stays last.
  function sortable(table) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.querySelectorAll("th")].filter((head) => head.colSpan === 1);
    // In a head of two lines, cells that span both come first in the row: count columns as the body does.
    const columns = heads.filter((head) => head.rowSpan === 2).concat(heads.filter((head) => head.rowSpan === 1));
    columns.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const isNumber = head.classList.contains("num");
        const isUp = head.hasAttribute("aria-sort") ? head.getAttribute("aria-sort") === "descending" : !isNumber;
        for (const other of columns) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
        const keyed = [...body.rows].map((row) => [valueOf(row.cells[column], isNumber), row]);
        keyed.sort(([a], [b]) => compare(a, b, isUp));
        body.append(...keyed.map(([, row]) => row));
      });
    });
  }

  function valueOf(cell, isNumber) {
    const text = cell.dataset.value ?? cell.textContent.trim();
    if (!isNumber) return cell.dataset.value === undefined ? text : Number(text);
    return text === "" || Number.isNaN(Number(text)) ? null : Number(text);
  }

  function compare(a, b, isUp) {
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "number" ? a - b : a.localeCompare(b);
    return isUp ? order : -order;
  }

  function pickable(head) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => pick({ tag: Number(head.dataset.tag) }, true));
  }

  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("[data-tag]").forEach(pickable);
  byId("metric")?.addEventListener("change", () => redraw("metric"));
  byId("pick-run")?.addEventListener("change", (event) => pick({ run: Number(event.target.value) }));
  byId("pick-tag")?.addEventListener("change", (event) => pick({ tag: Number(event.target.value) }));
  byId("tag-metric")?.addEventListener("change", () => { describe(); redraw("tag-metric"); });
  dark.addEventListener("change", () => redraw());
  narrow.addEventListener("change", () => redraw());
  describe();
  for (const id of Object.keys(charts)) {
    charts[id].isStale = true;
    watcher.observe(byId(id));
  }
})();
