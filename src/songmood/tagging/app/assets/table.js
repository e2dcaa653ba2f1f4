// All songs: sorted by a column, filtered by name or mood, and the playlist of what is shown.
import { $, clock, element } from "./dom.js";

const show = { filter: "", tag: "", column: "", direction: 1 };
const lines = new Map(); // key -> its row, which stays the same element: what has the focus keeps it

const rowsOf = (state, song) => state.told.get(song.key)?.[state.models[state.chosen[0]].name].rows ?? [];
const moodsOf = (state, song) => rowsOf(state, song).filter((row) => row.decided).map((row) => row.tag);
const shareOf = (state, song) => rowsOf(state, song).find((row) => row.tag === show.tag)?.share ?? -1;

export function listenToTable(state, draw) {
  const tags = [...new Set(state.models.flatMap((model) => model.tags))].sort();
  $("by-tag").append(...tags.map((tag) => new Option(tag, tag)));
  const sortBy = (column, direction) => { Object.assign(show, { column, direction }); draw(); };
  $("filter").addEventListener("input", (event) => { show.filter = event.target.value.trim().toLowerCase(); draw(); });
  $("by-tag").addEventListener("change", (event) => { show.tag = event.target.value; sortBy(show.tag && "tag", -1); });
  for (const button of document.querySelectorAll("[data-sort]")) {
    const column = button.dataset.sort;
    const first = ["tag", "length"].includes(column) ? -1 : 1;
    button.addEventListener("click", () => sortBy(column, show.column === column ? -show.direction : first));
  }
  $("save-playlist").addEventListener("click", () => savePlaylist(state));
}

function shownSongs(state) {
  const says = (song) => [song.name, ...moodsOf(state, song)].join("\n").toLowerCase();
  const songs = state.songs.filter((song) => says(song).includes(show.filter));
  const key = {
    name: (song) => song.name.toLowerCase(), length: (song) => song.length,
    moods: (song) => moodsOf(state, song).join() || "\uffff", tag: (song) => shareOf(state, song),
  }[show.column];
  if (key) songs.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0) * show.direction);
  return songs;
}

export function drawTable(state, act) {
  $("tag-column").hidden = !show.tag;
  $("tag-column").firstElementChild.textContent = show.tag;
  for (const button of document.querySelectorAll("[data-sort]")) {
    const order = button.dataset.sort === show.column ? (show.direction > 0 ? "ascending" : "descending") : "none";
    button.parentElement.setAttribute("aria-sort", order);
  }
  const body = $("rows");
  const songs = shownSongs(state);
  for (const [at, song] of songs.entries()) {
    if (!lines.has(song.key)) lines.set(song.key, newLine(song, act));
    const line = lines.get(song.key);
    fill(line, state, song);
    if (body.children[at] !== line) body.insertBefore(line, body.children[at] ?? null);
  }
  while (body.children.length > songs.length) body.lastElementChild.remove();
  const shown = songs.length < state.songs.length ? `${songs.length} shown of ` : "";
  const count = `${state.songs.length} ${state.songs.length === 1 ? "song" : "songs"}`;
  $("count").textContent = `${shown}${count}, ${state.songs.filter((song) => state.told.has(song.key)).length} tagged`;
}

function newLine(song, act) {
  const line = document.createElement("tr");
  for (const name of ["song", "num length", "moods", "num share", "away"]) line.append(element("td", name));
  const [select, away] = [element("button", "", song.name), element("button", "", "×")];
  select.type = away.type = "button";
  away.setAttribute("aria-label", `remove ${song.name}`);
  select.addEventListener("click", () => act.select(song.key));
  away.addEventListener("click", () => act.remove(song.key));
  line.firstChild.append(select);
  line.lastChild.append(away);
  return line;
}

function fill(line, state, song) {
  const [name, length, moods, share] = line.children;
  line.classList.toggle("current", song.key === state.current);
  name.firstChild.disabled = !state.told.has(song.key);
  length.textContent = song.length ? clock(song.length) : "";
  moods.replaceChildren(...moodsOrState(state, song));
  share.hidden = !show.tag;
  share.textContent = shareOf(state, song) < 0 ? "" : shareOf(state, song).toFixed(0);
}

function moodsOrState(state, song) {
  if (song.state === "failed") return [element("span", "failed", song.reason)];
  if (song.state === "waiting") return [element("span", "quiet", "waiting")];
  if (song.state === "working") return [progress(song), element("span", "quiet", `${clock(song.heard)} heard`)];
  const moods = moodsOf(state, song).map((mood) => element("span", "chip", mood));
  return moods.length || !state.told.has(song.key) ? moods : [element("span", "quiet", "none decided")];
}

function progress(song) {
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", `${song.name} by ${song.model}`);
  if (song.length) [bar.max, bar.value] = [song.length, song.heard];
  return bar;
}

// A browser does not tell where a file lies: the playlist names the songs, and works in their folder.
function savePlaylist(state) {
  const names = shownSongs(state).filter((song) => state.told.has(song.key)).map((song) => song.name);
  const safe = names.map((name) => name.replace(/\p{Cc}/gu, " ").replace(/^#/, "./#"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([["#EXTM3U", ...safe, ""].join("\n")], { type: "audio/x-mpegurl" }));
  link.download = "songs.m3u8";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
