/** What all figures share: elements by id, canvases as sharp as the screen, colours of the style sheet, pointers, tables. */

export const byId = <T extends HTMLElement = HTMLElement>(id: string): T => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`internal: no element "${id}" in the page`);
  return found as T;
};

/** The colours that mean something, and those of text. */
export type Colour = "paper" | "ink" | "quiet" | "line" | "prior" | "guide" | "exact";
let colours: Partial<Record<Colour, string>> = {};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours = {};
  dispatchEvent(new Event("resize")); // every canvas is drawn again
});
export const colour = (name: Colour): string =>
  (colours[name] ??= getComputedStyle(document.documentElement).getPropertyValue(`--${name}`));

/** The part of the plane that a canvas shows, and its pixels. */
export interface Frame {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  /** Pixels of a point. */
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

export interface Span {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

/** Clears a canvas and lays a span of the plane on it; `equal`: both axes have one scale. */
export function frameOf(canvas: HTMLCanvasElement, span: Span, equal = false, margin = 0): Frame {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = Math.min(devicePixelRatio, 2);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const size = (ends: readonly [number, number]): number => ends[1] - ends[0];
  let [sx, sy] = [(width - 2 * margin) / size(span.x), (height - 2 * margin) / size(span.y)];
  if (equal) sx = sy = Math.min(sx, sy);
  const [left, top] = [(width - sx * size(span.x)) / 2, (height - sy * size(span.y)) / 2];
  return {
    context,
    width,
    height,
    x: (value) => left + sx * (value - span.x[0]),
    y: (value) => top + sy * (span.y[1] - value),
  };
}

/** The value whose pixel is `pixel`, of a scale of a frame. */
export const valueAt = (scale: (value: number) => number, pixel: number): number =>
  (pixel - scale(0)) / (scale(1) - scale(0));

/** How far from a handle a finger may touch, pixels. */
const TOUCH = 36;

/**
 * Drags in a canvas. `near` answers the distance of the nearest handle from a point in pixels; `move` gets the points. A mouse takes
 * the handle from anywhere; a finger only near it, so that the page still scrolls.
 */
export function onDrag(
  canvas: HTMLCanvasElement,
  near: (x: number, y: number) => number,
  move: (x: number, y: number, begun: boolean) => void,
): void {
  let held = false;
  const place = ({ clientX, clientY }: { clientX: number; clientY: number }): [number, number] => {
    const { left, top } = canvas.getBoundingClientRect();
    return [clientX - left, clientY - top];
  };
  canvas.addEventListener(
    "touchstart",
    (event) => near(...place(event.touches[0])) < TOUCH && event.cancelable && event.preventDefault(),
    { passive: false },
  );
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" && near(...place(event)) >= TOUCH) return;
    held = true;
    canvas.setPointerCapture(event.pointerId);
    move(...place(event), true);
  });
  canvas.addEventListener("pointermove", (event) => held && move(...place(event), false));
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (held = false));
}

/** A line of text on a canvas. */
export function label({ context }: Frame, text: string, x: number, y: number, align: CanvasTextAlign = "left"): void {
  context.fillStyle = colour("quiet");
  context.font = "13px system-ui, sans-serif";
  context.textAlign = align;
  context.fillText(text, x, y);
}

/** Fills a table: a head and rows, whose first cells name them. Its caption stays. */
export function fillTable(table: HTMLElement, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const row = (cells: readonly string[], kind: "col" | "row"): HTMLTableRowElement => {
    const made = document.createElement("tr");
    cells.forEach((text, i) => {
      const cell = document.createElement(kind === "col" || i === 0 ? "th" : "td");
      if (cell instanceof HTMLTableCellElement && cell.tagName === "TH") cell.scope = kind;
      cell.textContent = text;
      made.append(cell);
    });
    return made;
  };
  const top = document.createElement("thead");
  top.append(row(head, "col"));
  const body = document.createElement("tbody");
  body.append(...rows.map((cells) => row(cells, "row")));
  table.replaceChildren(...table.querySelectorAll("caption"), top, body);
}

/** A number with a typographic minus sign. */
export const fixed = (x: number, digits = 2): string =>
  x
    .toFixed(digits)
    .replace(/^-(?=[0.]*$)/, "")
    .replace("-", "−");

/** Mean, sd and the ends of the middle 90 % of column d of draws (S, D). */
export function summaryOf(draws: ArrayLike<number>, D: number, d: number): [number, number, number, number] {
  const column = Array.from({ length: draws.length / D }, (_, s) => draws[s * D + d]).sort((a, b) => a - b);
  const mean = column.reduce((sum, x) => sum + x, 0) / column.length;
  const square = column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (column.length - 1);
  const at = (p: number): number => column[Math.round(p * (column.length - 1))];
  return [mean, Math.sqrt(square), at(0.05), at(0.95)];
}

let speaking: ReturnType<typeof setTimeout> | undefined;
/** Tells a screen reader, once nothing has changed for a while. */
export function say(text: () => string): void {
  clearTimeout(speaking);
  speaking = setTimeout(() => (byId("said").textContent = text()), 700);
}

/**
 * Runs `work` for the newest of the values that are asked for; those that come while it runs replace one another. Each run begins
 * with a frame of the display.
 */
export function newest<T>(work: (value: T) => Promise<void>, failed: (error: Error) => void): (value: T) => void {
  let next: { readonly value: T } | undefined;
  let busy = false;
  const run = async (): Promise<void> => {
    while (next) {
      const { value } = next;
      next = undefined;
      await work(value).catch(failed);
      await new Promise(requestAnimationFrame);
    }
    busy = false;
  };
  return (value) => {
    next = { value };
    if (busy) return;
    busy = true;
    requestAnimationFrame(run);
  };
}

/** Copies an address that holds an answer, and puts it into the address bar. */
export function copyLink(button: HTMLElement, fragment: string): void {
  history.replaceState(null, "", fragment);
  const done = (text: string): void => {
    const before = button.textContent;
    button.textContent = text;
    setTimeout(() => (button.textContent = before), 1500);
    byId("said").textContent = text;
  };
  const copied = navigator.clipboard?.writeText(location.href) ?? Promise.reject(new Error("no clipboard"));
  copied.then(
    () => done("Copied"),
    () => done("In the address bar"),
  );
}
