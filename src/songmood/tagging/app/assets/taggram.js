// Tags by time, with the place where the song is: a click or the arrow keys move it.
import { $, clock, element } from "./dom.js";

const ROW = 22; // pixels, as app.css has it
const STEP = 5; // seconds
const FAINT = 40; // percentile: what is lower has the colour of the ground

export class Taggram {
  constructor(onSeek, onToggle) {
    this.onSeek = onSeek;
    this.duration = this.place = 0;
    $("taggram-canvas").addEventListener("click", (event) => {
      const box = event.target.getBoundingClientRect();
      this.seek(((event.clientX - box.left) / box.width) * this.duration);
    });
    $("taggram").addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -STEP, ArrowRight: STEP, Home: -Infinity, End: Infinity };
      if (event.key in steps) this.seek(this.place + steps[event.key]);
      else if (event.key === " ") onToggle();
      else return;
      event.preventDefault();
    });
  }

  seek(seconds) {
    this.onSeek(Math.min(Math.max(seconds, 0), this.duration));
  }

  show(model, told, tags) {
    this.duration = told.duration;
    this.edges = told.timeline.edges;
    this.lines = tags.map((tag) => [tag, told.timeline.values[tag]]);
    this.faint = model.unit === "percentile" ? FAINT : 0;
    $("taggram-tags").replaceChildren(...tags.map((tag) => element("li", "", tag)));
    $("taggram").setAttribute("aria-valuemax", Math.round(this.duration));
    this.paint();
    this.move(this.place);
  }

  paint() {
    const style = getComputedStyle(document.documentElement);
    const [low, high] = ["--heat-0", "--heat-1"].map((name) => style.getPropertyValue(name).split(",").map(Number));
    const canvas = $("taggram-canvas");
    canvas.width = Math.round(canvas.parentElement.clientWidth * devicePixelRatio);
    canvas.height = Math.round(this.lines.length * ROW * devicePixelRatio);
    canvas.style.height = `${this.lines.length * ROW}px`;
    const pen = canvas.getContext("2d");
    const xs = this.edges.map((seconds) => Math.round((seconds / this.duration) * canvas.width));
    for (const [row, [, values]] of this.lines.entries()) {
      const y = Math.round(row * ROW * devicePixelRatio);
      for (const [at, value] of values.entries()) {
        const depth = Math.max(value - this.faint, 0) / (100 - this.faint);
        pen.fillStyle = `rgb(${low.map((part, colour) => Math.round(part + (high[colour] - part) * depth)).join(",")})`;
        pen.fillRect(xs[at], y, xs[at + 1] - xs[at], Math.ceil(ROW * devicePixelRatio));
      }
    }
  }

  move(seconds) {
    this.place = seconds;
    if (!this.duration) return;
    $("playhead").style.left = `${Math.min(seconds / this.duration, 1) * 100}%`;
    $("taggram").setAttribute("aria-valuenow", Math.round(seconds));
    $("taggram").setAttribute("aria-valuetext", clock(seconds));
    const beyond = this.edges.findIndex((edge) => edge > seconds);
    const at = (beyond < 0 ? this.edges.length - 1 : beyond) - 1;
    const most = [...this.lines].sort((a, b) => b[1][at] - a[1][at]).slice(0, 3).map(([tag]) => tag);
    $("here").textContent = `${clock(seconds)} · ${most.join(", ")}`;
  }
}
