/** The arm: its end is dragged, and a hundred postures that explain the place follow, by the guide or exactly. */
import { normalAt } from "../src/numbers/random.ts";
import { type Answer, answer, loadPlain } from "./answers.ts";
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

const LINKS = [0.5, 0.5, 1];
const SPAN = { x: [-0.3, 2.2], y: [-1.3, 1.3] } as const;
const NAMES = ["base height (m)", "angle 1 (rad)", "angle 2 (rad)", "angle 3 (rad)"];
const PRIOR_SD = [0.25, 0.5, 0.5, 0.5];
const PRIOR = Float64Array.from({ length: 4 * 60 }, (_, i) => PRIOR_SD[i % 4] * normalAt(1, 0, 0, i >> 2, i % 4));
/** Milliseconds of a resting hand before the exact answer is computed. */
const REST = 150;
/** Posteriors that the time is a median of. */
const TIMED = 60;
/** Posteriors that are timed before the hand moves. */
const FIRST = 7;

/** One path through the postures (S, 4): base, two joints, end. */
function postures({ context, x, y }: Frame, draws: ArrayLike<number>): void {
  context.beginPath();
  for (let s = 0; s < draws.length; s += 4) {
    let [reach, height, angle] = [0, draws[s], 0];
    context.moveTo(x(reach), y(height));
    for (let k = 0; k < 3; k++) {
      angle += draws[s + 1 + k];
      reach += LINKS[k] * Math.cos(angle);
      height += LINKS[k] * Math.sin(angle);
      context.lineTo(x(reach), y(height));
    }
  }
  context.stroke();
}

function paint(canvas: HTMLCanvasElement, place: readonly number[], draws: ArrayLike<number>, exact: boolean): Frame {
  const frame = frameOf(canvas, SPAN, true);
  const { context, x, y } = frame;
  context.lineJoin = context.lineCap = "round";
  context.strokeStyle = colour("line");
  context.lineWidth = 6;
  context.beginPath(); // the rail of the base
  context.moveTo(x(0), y(SPAN.y[0]));
  context.lineTo(x(0), y(SPAN.y[1]));
  context.stroke();
  context.lineWidth = 1;
  context.globalAlpha = 0.35;
  context.strokeStyle = colour("prior");
  postures(frame, PRIOR);
  context.globalAlpha = 0.45;
  context.lineWidth = 1.3;
  context.strokeStyle = colour(exact ? "exact" : "guide");
  postures(frame, draws);
  context.globalAlpha = 1;
  const [px, py] = [x(place[0]), y(place[1])];
  context.beginPath();
  context.arc(px, py, 11, 0, 2 * Math.PI);
  context.fillStyle = colour("paper");
  context.fill();
  context.lineWidth = 3;
  context.strokeStyle = colour("ink");
  context.stroke();
  context.beginPath();
  context.arc(px, py, 3, 0, 2 * Math.PI);
  context.fillStyle = colour("ink");
  context.fill();
  return frame;
}

/** What the page has loaded so far: kB, compressed, or nothing on a visit that the service worker answers. */
function loaded(): string {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  if (navigator.serviceWorker?.controller) return "nothing loaded";
  const bytes = entries.reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).encodedBodySize, 0);
  return `${(bytes / 1000).toFixed(0)} kB`;
}

/** Starts the figure. @returns once its time is known. */
export async function startArm(given: Link | null): Promise<{ show: (link: Link) => void }> {
  const canvas = byId<HTMLCanvasElement>("arm");
  const sliders = [byId<HTMLInputElement>("arm-0"), byId<HTMLInputElement>("arm-1")];
  const map = await loadPlain("arm");
  const times: number[] = [];
  let place = [1.6, 0.3];
  let seed = 1;
  let drawn: { readonly answer: Answer; readonly exact: boolean } | undefined;
  let frame: Frame | undefined;
  let bytes = "";
  let warm = false; // the first posterior compiles what the others use
  let resting: ReturnType<typeof setTimeout> | undefined;
  const wantsExact = (): boolean =>
    document.querySelector<HTMLInputElement>('[name="answer"]:checked')?.value === "exact";

  const show = (made: Answer, exact: boolean): void => {
    drawn = { answer: made, exact };
    frame = paint(canvas, place, made.draws, exact);
    canvas.dataset.draws = made.fingerprint;
    if (byId("arm-table").closest("details")?.open) table();
  };
  const table = (): void => {
    const rows = NAMES.map((name, d) => [name, ...summaryOf(drawn?.answer.draws ?? [], 4, d).map((v) => fixed(v, 3))]);
    rows.push(["bits of the draws", drawn?.answer.fingerprint ?? "", "", "", ""]);
    fillTable(byId("arm-table"), ["", "mean", "sd", "5 %", "95 %"], rows);
  };
  const tell = (ms: number): void => {
    times.push(ms);
    if (times.length > TIMED) times.shift();
    const median = [...times].sort((a, b) => a - b)[times.length >> 1];
    byId("arm-measured").textContent = `${fixed(median, 1)} ms on this device, ${bytes}, no server`;
  };
  const note = (text: string): void => void (byId("arm-note").textContent = text);
  const correct = async (y: readonly number[], own: number): Promise<void> => {
    note("Weighing the draws by the exact posterior …");
    const made = await ask("correct", { y, seed: own });
    if (y !== place || own !== seed || !wantsExact()) return; // the hand has moved on
    show(made, true);
    note(made.words);
    say(() => made.words);
  };
  const guide = newest(
    async (y: readonly number[]) => {
      const begun = performance.now();
      const made = await answer(map, y, seed);
      show(made, false);
      bytes ||= loaded();
      if (warm) tell(performance.now() - begun);
      warm = true;
      note(made.warning ? "No such place was seen in training: the guide guesses here. Switch to exact." : "");
      say(() => `End at ${fixed(y[0])}, ${fixed(y[1])} metres. ${describe(made.draws)}`);
      clearTimeout(resting);
      const failed = (error: Error): void => note(`The correction failed: ${error.message}`);
      if (wantsExact()) resting = setTimeout(() => correct(y, seed).catch(failed), REST);
    },
    (error) => note(error.message),
  );
  const moveTo = (numbers: readonly number[]): void => {
    place = numbers.map((value, i) => {
      const { min, max } = sliders[i];
      return Math.round(1000 * Math.min(Number(max), Math.max(Number(min), value))) / 1000;
    });
    sliders.forEach((slider, i) => {
      slider.value = String(place[i]);
      (slider.nextElementSibling as HTMLElement).textContent = fixed(place[i]);
    });
    guide(place);
  };
  for (const slider of sliders)
    slider.addEventListener("input", () => moveTo(sliders.map(({ value }) => Number(value))));
  onDrag(
    canvas,
    (px, py) => (frame ? Math.hypot(px - frame.x(place[0]), py - frame.y(place[1])) : Number.POSITIVE_INFINITY),
    (px, py) => frame && moveTo([valueAt(frame.x, px), valueAt(frame.y, py)]),
  );
  for (const choice of document.querySelectorAll('[name="answer"]'))
    choice.addEventListener("change", () => moveTo(place));
  byId("arm-again").addEventListener("click", () => {
    seed = (seed + 1) >>> 0;
    moveTo(place);
  });
  byId("arm-link").addEventListener("click", ({ currentTarget }) =>
    copyLink(currentTarget as HTMLElement, formatLink({ problem: "arm", numbers: place, seed })),
  );
  byId("arm-table").closest("details")?.addEventListener("toggle", table);
  addEventListener("resize", () => drawn && (frame = paint(canvas, place, drawn.answer.draws, drawn.exact)));
  const follow = (link: Link): void => {
    seed = link.seed;
    moveTo(link.numbers);
  };
  follow(given ?? { problem: "arm", numbers: place, seed });
  for (let k = 0; k < FIRST; k++) {
    await new Promise((resolve) => setTimeout(resolve, 100)); // what is shown at once is a median of several
    guide(place);
  }
  return { show: follow };
}

const describe = (draws: ArrayLike<number>): string =>
  NAMES.map((name, d) => {
    const [mean, sd] = summaryOf(draws, 4, d);
    return `${name.replace(/ \(.*/, "")} ${fixed(mean)} plus or minus ${fixed(sd)}`;
  }).join(", ");
