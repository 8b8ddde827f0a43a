/** The plate: a disc is dragged; a worker solves for its voltages, adds noise, and asks the guide where the disc is. */
import { normalAt } from "../src/numbers/random.ts";
import { ask } from "./ask.ts";
import { formatLink, type Link } from "./link.ts";
import {
  byId,
  colour,
  copyLink,
  type Frame,
  fillTable,
  fixed,
  frameOf,
  newest,
  onDrag,
  say,
  summaryOf,
  valueAt,
} from "./view.ts";

const SPAN = { x: [0, 1], y: [0, 1] } as const;
const RADIUS = 0.1;
const PRIOR = Float64Array.from({ length: 2 * 200 }, (_, i) => 0.5 + 0.1 * normalAt(1, 0, 0, i >> 1, i % 2));

function dots({ context, x, y }: Frame, centres: ArrayLike<number>, radius: number): void {
  context.beginPath();
  for (let s = 0; s < centres.length; s += 2) {
    const [px, py] = [x(centres[s]), y(centres[s + 1])];
    context.moveTo(px + radius, py);
    context.arc(px, py, radius, 0, 2 * Math.PI);
  }
  context.fill();
}

function paint(canvas: HTMLCanvasElement, place: readonly number[], draws: ArrayLike<number>): Frame {
  const frame = frameOf(canvas, SPAN, true, 8);
  const { context, x, y } = frame;
  context.strokeStyle = colour("quiet");
  context.lineWidth = 2;
  context.strokeRect(x(0), y(1), x(1) - x(0), y(0) - y(1));
  context.fillStyle = colour("ink");
  for (let k = 0; k < 25; k++) {
    const at = (k + 0.5) / 25; // every other sensor
    dots(frame, [at, 0, at, 1, 0, at, 1, at], 1.6);
  }
  context.fillStyle = colour("prior");
  context.globalAlpha = 0.35;
  dots(frame, PRIOR, 2);
  context.fillStyle = colour("guide");
  context.globalAlpha = 0.4;
  dots(frame, draws, 2.2);
  context.globalAlpha = 1;
  context.strokeStyle = colour("ink");
  context.lineWidth = 2.5;
  context.setLineDash([6, 4]);
  context.beginPath();
  context.arc(x(place[0]), y(place[1]), x(RADIUS) - x(0), 0, 2 * Math.PI);
  context.stroke();
  context.setLineDash([]);
  return frame;
}

export function startPlate(given: Link | null): (link: Link) => void {
  const canvas = byId<HTMLCanvasElement>("plate");
  const sliders = [byId<HTMLInputElement>("plate-0"), byId<HTMLInputElement>("plate-1")];
  let [place, seed, draws]: [number[], number, Float32Array | Float64Array] = [[0.4, 0.6], 1, new Float32Array()];
  let frame = paint(canvas, place, draws);
  const solve = newest(
    async (at: number[]) => {
      const made = await ask("plate", { place: at, seed });
      draws = made.draws;
      frame = paint(canvas, place, draws);
      canvas.dataset.draws = made.fingerprint;
      const [x, y] = [0, 1].map((d) => summaryOf(draws, 2, d));
      const words = `The guide puts the centre at (${fixed(x[0], 3)} ± ${fixed(x[1], 3)}, ${fixed(y[0], 3)} ± ${fixed(y[1], 3)})`;
      byId("plate-note").textContent = `${words}, in ${fixed(made.ms, 1)} ms after the measurement.`;
      const rows = [x, y].map((row, d) => ["xy"[d], ...row.map((v) => fixed(v, 3)), fixed(at[d], 3)]);
      fillTable(byId("plate-table"), ["", "mean", "sd", "5 %", "95 %", "hidden at"], rows);
      say(() => words);
    },
    (error) => void (byId("plate-note").textContent = error.message),
  );
  const moveTo = (numbers: readonly number[]): void => {
    place = numbers.map((value) => Math.round(1000 * Math.min(0.8, Math.max(0.2, value))) / 1000);
    sliders.forEach((slider, i) => {
      slider.value = String(place[i]);
      (slider.nextElementSibling as HTMLElement).textContent = fixed(place[i]);
    });
    frame = paint(canvas, place, draws);
    solve(place);
  };
  const follow = (link: Link): void => {
    seed = link.seed;
    moveTo(link.numbers);
  };
  for (const slider of sliders)
    slider.addEventListener("input", () => moveTo(sliders.map(({ value }) => Number(value))));
  onDrag(
    canvas,
    (px, py) => Math.max(0, Math.hypot(px - frame.x(place[0]), py - frame.y(place[1])) - frame.x(RADIUS) + frame.x(0)),
    (px, py) => moveTo([valueAt(frame.x, px), valueAt(frame.y, py)]),
  );
  byId("plate-again").addEventListener("click", () => {
    seed = (seed + 1) >>> 0;
    moveTo(place);
  });
  byId("plate-link").addEventListener("click", ({ currentTarget }) =>
    copyLink(currentTarget as HTMLElement, formatLink({ problem: "plate", numbers: place, seed })),
  );
  addEventListener("resize", () => void (frame = paint(canvas, place, draws)));
  follow(given ?? { problem: "plate", numbers: place, seed });
  return follow;
}
