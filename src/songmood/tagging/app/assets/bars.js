// A song's tags as bars, by one model or by two side by side.
import { $, element } from "./dom.js";

const FEW = 12; // tags, and all that are decided

export const shownRows = (state, rows) => (state.isWhole ? rows : rows.filter((row, at) => at < FEW || row.decided));

export function drawBars(state, told) {
  const [first, second] = state.chosen.map((at) => told[state.models[at]?.name]?.rows ?? []);
  const shown = shownRows(state, first);
  const line = new Map(shown.map((row, at) => [row.tag, at])); // the second model's tags stand where the first one's do
  const place = (row) => line.get(row.tag) ?? Infinity;
  const beside = second.filter((row) => state.isWhole || line.has(row.tag)).sort((a, b) => place(a) - place(b) || 0);
  $("bars-0").replaceChildren(...shown.map(bar));
  $("bars-1").replaceChildren(...beside.map(bar));
}

function bar(row) {
  const line = element("li", row.decided ? "decided" : "");
  line.title = `${row.tag}: ${row.share} of 100, score ${row.score}`;
  const fill = element("span", "fill");
  fill.style.width = `${row.share}%`;
  const track = element("span", "track");
  track.append(fill);
  const value = element("span", "value", row.share.toFixed(0));
  value.append(element("span", "for-readers", row.decided ? ", decided" : ""));
  line.append(element("span", "mark", row.decided ? "●" : ""), element("span", "name", row.tag), track, value);
  line.firstChild.setAttribute("aria-hidden", "true");
  return line;
}
