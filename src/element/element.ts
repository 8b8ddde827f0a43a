/**
 * `<retrodict-posterior model="arm" data="1.6, 0.3">`: the posterior of an observation in a page, without a framework. It draws the
 * marginal density of each parameter and has a table of the numbers behind it; a screen reader is told the result.
 */
import { infer } from "../infer/infer.ts";
import type { InverseMap } from "../model/model.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { load } from "../store/store.ts";
import { type Drawn, marginals, numbersTable, shown, summaries } from "./picture.ts";

const ATTRIBUTES = ["model", "data", "draws", "seed", "picture", "kernels"] as const;

const STYLE = `:host{display:block;font:inherit;color:var(--retrodict-ink,inherit);font-variant-numeric:tabular-nums}
:host([hidden]){display:none}
.pictures{display:grid;gap:.75rem 1.25rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,11rem),1fr))}
svg{display:block;width:100%;max-width:24rem;height:auto;overflow:visible}
.all{fill:var(--retrodict-guide,#0a66b0);fill-opacity:.18}
.middle{fill:var(--retrodict-guide,#0a66b0);fill-opacity:.4}
.median{stroke:var(--retrodict-guide,#0a66b0);stroke-width:2}
.axis{stroke:var(--retrodict-line,currentColor);stroke-width:1}
text{fill:currentColor;font-size:11px}
.name{font-weight:600}
table{border-collapse:collapse;margin:.5rem 0}
th,td{text-align:right;padding:.15rem 0 .15rem 1rem;font-weight:400;border-bottom:1px solid var(--retrodict-line,#8888)}
th:first-child{text-align:left;padding-left:0}
summary{cursor:pointer}
.told{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.fault{color:var(--retrodict-warning,inherit);font-weight:600}
.warning:empty,.fault:empty{display:none}`;

/** Where there is no DOM the class may be named, but not made. */
const Base: typeof HTMLElement = globalThis.HTMLElement ?? (class {} as unknown as typeof HTMLElement);

/** Numbers of a text, separated by commas, semicolons or white space; "NaN" is a missing datum. @throws on anything else. */
export function parseData(text: string): number[] {
  const words = text.split(/[\s,;]+/).filter(Boolean);
  return words.map((word) => {
    const value = Number(word);
    if (Number.isNaN(value) && !/^na(n)?$/i.test(word))
      throw new Error(`data: expected numbers separated by commas, got "${word}"`);
    return value;
  });
}

/**
 * The element. Attributes: `model` (a shipped model, or the address of a model file), `data` (numbers), `draws` (default 500), `seed`,
 * `picture` ("marginals" or "table") and `kernels` ("plain" for the same bits everywhere). Properties: `map`, instead of `model`; `data`, as a
 * text or a list; `posterior` and `drawn`, read-only. Events: `posterior`, whose `detail` has the posterior and its draws, and `fault`.
 */
export class RetrodictPosterior extends Base {
  static observedAttributes: readonly string[] = ATTRIBUTES;
  #map: Promise<InverseMap> | null = null;
  #asked = 0;
  #data: ArrayLike<number> | null = null;
  #posterior: Posterior | null = null;
  #drawn: Drawn | null = null;
  #pictures!: HTMLElement;
  #numbers!: HTMLDetailsElement;
  #told!: HTMLElement;
  #warning!: HTMLElement;
  #fault!: HTMLElement;

  connectedCallback(): void {
    if (!this.shadowRoot) this.#build();
    this.#update();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after) return;
    if (name === "model" || name === "kernels") this.#map = null;
    if (name === "data") this.#data = null;
    this.#update();
  }

  /** The map, loaded elsewhere. */
  set map(map: InverseMap | null) {
    this.#map = map && Promise.resolve(map);
    this.#update();
  }

  /** The observation: a text or a list of numbers. */
  get data(): string | ArrayLike<number> {
    return this.#data ?? this.getAttribute("data") ?? "";
  }
  set data(data: string | ArrayLike<number>) {
    this.#data = typeof data === "string" ? null : data;
    if (typeof data === "string") this.setAttribute("data", data);
    this.#update();
  }

  /** The posterior that is shown; null before the first. */
  get posterior(): Posterior | null {
    return this.#posterior;
  }

  /** The draws that are shown, with the parameters' names. */
  get drawn(): Drawn | null {
    return this.#drawn;
  }

  #build(): void {
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); // a strict Content-Security-Policy forbids <style>
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const make = <K extends keyof HTMLElementTagNameMap>(tag: K, name: string): HTMLElementTagNameMap[K] => {
      const made = document.createElement(tag);
      made.className = name;
      return made;
    };
    this.#pictures = make("div", "pictures");
    this.#numbers = make("details", "numbers");
    const summary = document.createElement("summary");
    summary.textContent = "The numbers";
    this.#numbers.append(summary, document.createElement("table"));
    [this.#warning, this.#fault, this.#told] = [make("p", "warning"), make("p", "fault"), make("p", "told")];
    this.#fault.setAttribute("role", "alert");
    this.#told.setAttribute("role", "status");
    root.append(this.#pictures, this.#warning, this.#fault, this.#numbers, this.#told);
  }

  /** Computes and draws what the attributes ask for, unless they change meanwhile. */
  #update(): void {
    if (!this.isConnected || !this.shadowRoot) return;
    const asked = ++this.#asked;
    queueMicrotask(() => {
      if (asked !== this.#asked) return; // several changes at once
      this.#compute(asked).catch((error: Error) => {
        if (asked !== this.#asked) return;
        this.#fault.textContent = error.message;
        this.dispatchEvent(new CustomEvent("fault", { detail: { error } }));
      });
    });
  }

  async #compute(asked: number): Promise<void> {
    const [model, kernels] = [this.getAttribute("model"), this.getAttribute("kernels") as "plain" | null];
    if ((this.#map === null && model === null) || this.data.length === 0) return;
    this.#map ??= load(model as string, kernels ? { kernels } : {});
    const map = await this.#map;
    const posterior = await infer(map, typeof this.data === "string" ? parseData(this.data) : this.data);
    const seed = Number(this.getAttribute("seed") ?? 0);
    const draws = await posterior.sample(Number(this.getAttribute("draws") ?? 500), { seed });
    if (asked !== this.#asked) return;
    this.#posterior = posterior;
    this.#drawn = { draws, parameters: map.spec.parameters };
    this.#show(posterior.warning, this.#drawn);
    this.dispatchEvent(new CustomEvent("posterior", { detail: { posterior, draws } }));
  }

  #show(warning: string | undefined, drawn: Drawn): void {
    const told = summaries(drawn);
    const isTable = this.getAttribute("picture") === "table";
    this.#pictures.replaceChildren(...(isTable ? [] : marginals(drawn, told)));
    this.#numbers.open ||= isTable;
    this.#numbers.querySelector("table")?.replaceWith(numbersTable(drawn, told));
    this.#fault.textContent = "";
    this.#warning.textContent = warning ?? "";
    const words = drawn.parameters.map(
      ({ name }, d) => `${name} ${shown(told[d].mean)} plus or minus ${shown(told[d].sd)}`,
    );
    this.#told.textContent = `Posterior: ${words.join(", ")}. ${warning ?? ""}`;
  }
}

/** Registers `<retrodict-posterior>`, or the element under another name; a name that is registered already is left as it is. */
export function defineElement(name = "retrodict-posterior"): void {
  if (customElements.get(name) === undefined)
    customElements.define(
      name,
      name === "retrodict-posterior" ? RetrodictPosterior : class extends RetrodictPosterior {},
    );
}
