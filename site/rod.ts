/** The rod: nine voltages are dragged, and bands of the conductivity along the rod follow. */
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
  label,
  newest,
  onDrag,
  say,
  valueAt,
} from "./view.ts";
import type { Answers } from "./worker.ts";
import type { Bands } from "./worker-answers.ts";

type RodAnswer = Answers["rod"];

const SENSORS = Array.from({ length: 9 }, (_, k) => 0.15 + 0.0875 * k);
/** A simulated measurement, rounded. */
const START = [0.93, 0.88, 0.81, 0.71, 0.58, 0.46, 0.36, 0.27, 0.18];
/** Voltages lie in the left half of the picture, conductivities, logarithmic, in the right half. */
const SPAN = { x: [0, 2.2], y: [-0.08, 1.08] } as const;
const OFFSET = 1.2;
const DECADES = [-2, 2] as const;
/** Height in the picture of a conductivity. */
const level = (a: number): number => (Math.log10(a) - DECADES[0]) / (DECADES[1] - DECADES[0]);

function band(
  frame: Frame,
  bands: Bands,
  low: number,
  high: number,
  place: (q: number) => number,
  offset: number,
): void {
  const { context, x, y } = frame;
  const at = (i: number, which: number): [number, number] => [x(offset + bands[i].x), y(place(bands[i].q[which]))];
  context.beginPath();
  for (let i = 0; i < bands.length; i++) context.lineTo(...at(i, high));
  for (let i = bands.length - 1; i >= 0; i--) context.lineTo(...at(i, low));
  low === high ? context.stroke() : context.fill();
}

function guideBands(frame: Frame, bands: Bands, place: (q: number) => number, offset: number): void {
  const { context } = frame;
  context.fillStyle = context.strokeStyle = colour("guide");
  context.lineWidth = 2;
  context.globalAlpha = 0.2;
  band(frame, bands, 0, 4, place, offset);
  context.globalAlpha = 0.35;
  band(frame, bands, 1, 3, place, offset);
  context.globalAlpha = 1;
  band(frame, bands, 2, 2, place, offset);
}

function paint(canvas: HTMLCanvasElement, y: readonly number[], made: RodAnswer | undefined): Frame {
  const frame = frameOf(canvas, SPAN, false, 22);
  const { context } = frame;
  const box = (left: number): void => {
    context.strokeStyle = colour("line");
    context.lineWidth = 1;
    context.strokeRect(frame.x(left), frame.y(1.05), frame.x(left + 1) - frame.x(left), frame.y(-0.05) - frame.y(1.05));
  };
  box(0);
  box(OFFSET);
  label(frame, "voltage along the rod", frame.x(0), frame.y(1.05) - 6);
  label(frame, "conductivity (logarithmic)", frame.x(OFFSET), frame.y(1.05) - 6);
  label(frame, "0", frame.x(0) - 4, frame.y(0) + 4, "right");
  label(frame, "1", frame.x(0) - 4, frame.y(1) + 4, "right");
  for (const power of [-2, -1, 0, 1, 2])
    label(frame, String(10 ** power), frame.x(OFFSET) - 4, frame.y(level(10 ** power)) + 4, "right");
  context.save();
  context.beginPath();
  context.rect(frame.x(OFFSET), frame.y(1.05), frame.x(OFFSET + 1) - frame.x(OFFSET), frame.y(-0.05) - frame.y(1.05));
  context.rect(frame.x(0), frame.y(1.05), frame.x(1) - frame.x(0), frame.y(-0.05) - frame.y(1.05));
  context.clip();
  if (made) {
    context.fillStyle = colour("prior");
    context.globalAlpha = 0.35;
    band(frame, made.prior, 0, 4, level, OFFSET);
    guideBands(frame, made.a, level, OFFSET);
    guideBands(frame, made.u, (u) => u, 0);
  }
  context.restore();
  context.lineWidth = 2.5;
  context.strokeStyle = colour("ink");
  context.fillStyle = colour("paper");
  y.forEach((value, k) => {
    context.beginPath();
    context.arc(frame.x(SENSORS[k]), frame.y(value), 7, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  });
  return frame;
}

/** A slider for each sensor. */
function makeSliders(): HTMLInputElement[] {
  return SENSORS.map((x) => {
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: "0", max: "1", step: "0.005" });
    const row = document.createElement("label");
    row.className = "range";
    row.append(`at ${fixed(x)}`, slider, document.createElement("output"));
    byId("rod-ranges").append(row);
    return slider;
  });
}

export function startRod(given: Link | null): (link: Link) => void {
  const canvas = byId<HTMLCanvasElement>("rod");
  const sliders = makeSliders();
  let [y, seed, held]: [number[], number, number] = [START, 1, 0];
  let made: RodAnswer | undefined;
  let frame = paint(canvas, y, made);
  const solve = newest(
    async (data: number[]) => {
      made = await ask("rod", { y: data, seed });
      frame = paint(canvas, y, made);
      canvas.dataset.draws = made.fingerprint;
      const doubt = made.warning ? " No such rod was seen in training: the bands are a guess." : "";
      byId("rod-note").textContent = `${fixed(made.ms, 1)} ms.${doubt}`;
      const middle = made.a.filter((_, i) => i % 10 === 0);
      const rows = middle.map(({ x, q }) => [`x = ${fixed(x)}`, ...q.map((v) => v.toPrecision(3))]);
      fillTable(byId("rod-table"), ["", "5 %", "25 %", "median", "75 %", "95 %"], rows);
      const [, , median] = middle[middle.length >> 1].q;
      say(() => `Conductivity in the middle of the rod: ${median.toPrecision(2)}.${doubt}`);
    },
    (error) => void (byId("rod-note").textContent = error.message),
  );
  const setTo = (numbers: readonly number[]): void => {
    y = numbers.map((value) => Math.round(1000 * Math.min(1, Math.max(0, value))) / 1000);
    sliders.forEach((slider, i) => {
      slider.value = String(y[i]);
      (slider.nextElementSibling as HTMLElement).textContent = fixed(y[i]);
    });
    frame = paint(canvas, y, made);
    solve(y);
  };
  const follow = (link: Link): void => {
    seed = link.seed;
    setTo(link.numbers);
  };
  for (const slider of sliders)
    slider.addEventListener("input", () => setTo(sliders.map(({ value }) => Number(value))));
  const nearest = (px: number): number => {
    const away = SENSORS.map((x) => Math.abs(px - frame.x(x)));
    return away.indexOf(Math.min(...away));
  };
  onDrag(
    canvas,
    (px, py) => Math.hypot(px - frame.x(SENSORS[nearest(px)]), py - frame.y(y[nearest(px)])),
    (px, py, begun) => {
      if (begun) held = nearest(px);
      setTo(y.map((value, k) => (k === held ? valueAt(frame.y, py) : value)));
    },
  );
  byId("rod-again").addEventListener("click", () => {
    seed = (seed + 1) >>> 0;
    setTo(y);
  });
  byId("rod-link").addEventListener("click", ({ currentTarget }) =>
    copyLink(currentTarget as HTMLElement, formatLink({ problem: "rod", numbers: y, seed })),
  );
  addEventListener("resize", () => void (frame = paint(canvas, y, made)));
  follow(given ?? { problem: "rod", numbers: y, seed });
  return follow;
}
