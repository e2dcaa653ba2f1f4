// The page: songs go in, and everything is drawn from one state.
import { drawBars, shownRows } from "./bars.js";
import { $, clock } from "./dom.js";
import { filesOf } from "./dropped.js";
import { drawTable, listenToTable } from "./table.js";
import { Taggram } from "./taggram.js";

const POLL = 400; // milliseconds, while something is being tagged
const state = {
  models: [], maxBytes: 0,
  songs: [], // as the program lists them
  told: new Map(), // key -> what each model says, once it is done
  files: new Map(), // key -> the file, to be heard
  current: null, // key
  chosen: [0, 1], // numbers of the models that are shown, -1 for none
  isWhole: false,
};
const player = $("player");
const play = () => (player.paused ? player.play() : player.pause());
const taggram = new Taggram((seconds) => { player.currentTime = seconds; taggram.move(seconds); }, play);

async function ask(path, options) {
  const answer = await fetch(path, options).catch(() => null);
  if (answer?.ok) return answer.status === 204 ? null : answer.json();
  $("news").textContent = "The program does not answer: is it still running?";
  return null;
}

async function take(files) {
  for (const [at, file] of files.entries()) {
    $("news").textContent = files.length > 1 ? `Taking song ${at + 1} of ${files.length}` : "";
    const headers = { "x-name": encodeURIComponent(file.name.replace(/\p{Cs}/gu, "\ufffd")) };
    const body = file.slice(0, state.maxBytes + 1); // enough to be refused
    const song = await ask("songs", { method: "POST", headers, body });
    if (!song) return;
    state.files.set(song.key, file);
    await look();
  }
  $("news").textContent = "";
}

let timer = null;
async function look() {
  clearTimeout(timer);
  const songs = await ask("songs");
  if (!songs) return;
  for (const { key } of songs.filter((song) => song.state === "done" && !state.told.has(song.key))) {
    const told = await ask(`songs/${key}`);
    if (told) state.told.set(key, told);
  }
  state.songs = songs;
  if (!currentSong()) select(songs.find((song) => state.told.has(song.key))?.key ?? null);
  else draw();
  clearTimeout(timer);
  if (songs.some((song) => ["waiting", "working"].includes(song.state))) timer = setTimeout(look, POLL);
}

const currentSong = () => state.songs.find((song) => song.key === state.current);

function select(key) {
  state.current = key;
  const file = state.files.get(key);
  if (player.src) URL.revokeObjectURL(player.src);
  if (file) player.src = URL.createObjectURL(file);
  else player.removeAttribute("src");
  player.hidden = !file;
  $("no-sound").hidden = Boolean(file);
  taggram.move(0);
  draw();
}

async function remove(key) {
  state.files.delete(key);
  state.told.delete(key);
  await ask(`songs/${key}`, { method: "DELETE" });
  await look();
}

function draw() {
  document.body.classList.toggle("has-songs", state.songs.length > 0);
  $("songs").hidden = !state.songs.length;
  drawTable(state, { select, remove });
  const song = currentSong();
  $("song").hidden = !song;
  if (song) drawSong(song, state.told.get(song.key));
}

function drawSong(song, told) {
  const model = state.models[state.chosen[0]];
  const says = told[model.name];
  $("song-name").textContent = song.name;
  $("song-facts").textContent = [clock(says.duration), ...says.notes].join(" · ");
  const bar = model.unit === "percentile" ? "how many of 100 reference tracks score lower" : "the score, in percent";
  $("scale").textContent = `The bar: ${bar} (${model.scale}).`;
  taggram.show(model, says, shownRows(state, says.rows).map((row) => row.tag));
  drawBars(state, told);
}

function offerModels() {
  document.body.classList.toggle("single", state.models.length < 2);
  for (const side of [0, 1]) {
    const select = $(`model-${side}`);
    select.append(...state.models.map((model, at) => new Option(model.name, at)));
    if (side) select.append(new Option("none", -1));
    select.value = state.chosen[side] = side < state.models.length ? side : -1;
    select.addEventListener("change", () => { state.chosen[side] = Number(select.value); draw(); });
  }
}

function listenToDrops() {
  const drag = (isOver) => (event) => { event.preventDefault(); document.body.classList.toggle("dragging", isOver); };
  document.addEventListener("dragover", drag(true));
  document.addEventListener("dragleave", drag(false));
  document.addEventListener("drop", drag(false));
  document.addEventListener("drop", async (event) => take(await filesOf(event.dataTransfer)));
  $("choose").addEventListener("click", () => $("files").click());
  $("files").addEventListener("change", ({ target }) => { take([...target.files]); target.value = ""; });
}

function listenToPlayer() {
  const follow = () => { taggram.move(player.currentTime); if (!player.paused) requestAnimationFrame(follow); };
  player.addEventListener("play", follow);
  player.addEventListener("seeked", () => taggram.move(player.currentTime));
}

const about = await ask("about");
state.models = about.models;
state.maxBytes = about.max_bytes;
offerModels();
listenToTable(state, draw);
listenToDrops();
listenToPlayer();
$("all-tags").addEventListener("click", ({ target }) => {
  state.isWhole = !state.isWhole;
  target.textContent = state.isWhole ? "fewer tags" : "all tags";
  target.setAttribute("aria-expanded", state.isWhole);
  draw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
addEventListener("resize", draw);
look();
