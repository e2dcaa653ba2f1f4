// The page: what is picked, sorting, and drawing a chart when it comes into view. The charts themselves come from Python.
"use strict";

(async () => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const picked = (choice) => Number(byId(`pick-${choice}`)?.value);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let charts = {}; // until they are unpacked

  // What each trace of a chart shows for the choices of the moment; null where it shows nothing.
  const shown = (chart) => chart.choices.reduce((values, choice) => values[picked(choice)], chart.values);

  function draw(id) {
    const chart = charts[id];
    if (!chart.isVisible || !chart.isStale) return;
    chart.isStale = false;
    const style = getComputedStyle(document.documentElement); // Plotly knows no CSS variables
    const coloured = (_, value) => (/^var\(--[a-z]+\)$/.test(value) ? style.getPropertyValue(value.slice(4, -1)).trim() : value);
    const { data, layout } = JSON.parse(JSON.stringify(chart.figure), coloured);
    const values = shown(chart);
    const traces = data.map((trace, at) => values[at] && { ...trace, ...values[at] }).filter(Boolean);
    for (const trace of traces) if (trace.selected) trace.selectedpoints = [trace.customdata.indexOf(picked("tag"))];
    Plotly.react(id, traces, layout, { responsive: true, displayModeBar: false });
    if (chart.isBound) return;
    chart.isBound = true;
    byId(id).on("plotly_click", ({ points: [point] }) => point.data.selected && pick(point.customdata));
  }

  function redraw(ids = Object.keys(charts)) {
    for (const id of ids) {
      charts[id].isStale = true;
      byId(id).closest("figure").hidden = !shown(charts[id]).some(Boolean);
      draw(id);
    }
  }

  function change(choice) {
    describe();
    redraw(Object.keys(charts).filter((id) => charts[id].choices.includes(choice) || (choice === "tag" && charts[id].figure.data.some((trace) => trace.selected))));
  }

  // The tag's facts are its line in the table of the run.
  function describe() {
    const articles = all(".result");
    if (!articles.length) return;
    articles.forEach((article, run) => article.classList.toggle("shown", run === picked("run")));
    const table = articles[picked("run")].querySelector(".tags");
    if (!table.querySelector("button")) {
      sortable(table);
      for (const row of table.tBodies[0].rows) press(row.cells[0], () => pick(Number(row.dataset.tag)));
    }
    const heads = all("thead th", table).map((head) => head.textContent);
    for (const row of table.tBodies[0].rows) {
      row.classList.toggle("picked", Number(row.dataset.tag) === picked("tag"));
      if (!row.classList.contains("picked")) continue;
      const [name, ...facts] = [...row.cells].map((cell) => cell.textContent);
      byId("tag-title").textContent = name;
      byId("tag-facts").replaceChildren(...facts.map((fact, at) => {
        const pair = document.createElement("div");
        pair.append(document.createElement("dt"), document.createElement("dd"));
        pair.firstChild.textContent = heads[at + 1];
        pair.lastChild.textContent = fact;
        return pair;
      }));
    }
    byId("roc-caption").textContent = articles[picked("run")].dataset.roc;
  }

  function pick(tag) {
    byId("pick-tag").value = tag;
    change("tag");
    const box = byId("tag-curves").getBoundingClientRect();
    if (box.top < 0 || box.top > innerHeight - 200) byId("tag-curves").scrollIntoView({ behavior: calm.matches ? "auto" : "smooth" });
  }

  // A head or a name becomes a button of the same text.
  function press(cell, action) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", action);
  }

  // Numbers by data-value, largest first; texts by the alphabet; what has no value stays last.
  function sortable(table) {
    const heads = all("thead th", table).filter((head) => head.colSpan === 1);
    // In a head of two lines, cells that span both come first in a row: count columns as the body does.
    const columns = heads.filter((head) => head.rowSpan === 2).concat(heads.filter((head) => head.rowSpan === 1));
    columns.forEach((head, column) => press(head, () => {
      const isNumber = head.classList.contains("num");
      const isUp = head.hasAttribute("aria-sort") ? head.getAttribute("aria-sort") === "descending" : !isNumber;
      const key = ({ cells: { [column]: cell } }) => {
        const text = cell.dataset.value ?? cell.textContent.trim();
        return text === "" || Number.isNaN(Number(text)) ? (isNumber ? null : text) : Number(text);
      };
      for (const other of columns) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : (isUp ? 1 : -1) * (a > b ? 1 : a < b ? -1 : 0)));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    }));
  }

  all("table.main").forEach(sortable);
  for (const choice of ["metric", "run", "tag", "ranking"]) byId(`pick-${choice}`)?.addEventListener("change", () => change(choice));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
  describe();

  async function unpacked(id) {
    const packed = await fetch(`data:;base64,${byId(id).textContent}`);
    return new Response(packed.body.pipeThrough(new DecompressionStream("gzip"))).text();
  }

  const plotly = document.createElement("script");
  plotly.textContent = await unpacked("plotly");
  document.head.append(plotly);
  charts = JSON.parse(await unpacked("charts"));
  redraw();
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      charts[target.id].isVisible = isIntersecting;
      draw(target.id);
    }
  }, { rootMargin: "400px" });
  for (const id of Object.keys(charts)) watcher.observe(byId(id));
})();
