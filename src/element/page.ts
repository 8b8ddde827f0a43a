/**
 * The script of a page that `retrodict page` writes. The page holds everything: this script, the kernels and a model, compressed and in
 * base 64, so it opens from a file and asks no server. Data come from sliders, from a text or from a CSV file, and stand in the address.
 */
import { preloadKernels } from "../backends/wasm/kernels.ts";
import { load } from "../store/store.ts";
import { defineElement, parseData, type RetrodictPosterior } from "./element.ts";

/** What the page tells of its model, in an element with the id "about". */
interface About {
  /** A first observation. */
  readonly data: readonly number[];
  /** Ends of the sliders; absent where there are too many data for sliders. */
  readonly ranges?: readonly (readonly [low: number, high: number])[];
}

const byId = <T extends Element = HTMLElement>(id: string): T => document.getElementById(id) as unknown as T;

/** The bytes that an element holds. */
async function bytesOf(id: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob((byId(id).textContent ?? "").trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The data of the address, "#data=1,2,3"; null where it has none. */
function linked(count: number): number[] | null {
  const text = new URLSearchParams(location.hash.slice(1)).get("data");
  if (text === null) return null;
  try {
    const data = parseData(text);
    return data.length === count ? data : null;
  } catch {
    return null;
  }
}

const round = (x: number): number => Number(x.toPrecision(6));

async function start(): Promise<void> {
  const about = JSON.parse(byId("about").textContent ?? "") as About;
  await preloadKernels("plain", await bytesOf("kernels"));
  const map = await load(await bytesOf("model"), { kernels: "plain" });
  defineElement();
  const shown = byId<RetrodictPosterior>("posterior");
  const [text, file, said] = [byId<HTMLTextAreaElement>("data"), byId<HTMLInputElement>("file"), byId("said")];
  const sliders = [...document.querySelectorAll<HTMLInputElement>("#sliders input")];
  const show = (data: readonly number[], from?: Element): void => {
    if (from !== text) text.value = data.join(", ");
    sliders.forEach((slider, m) => {
      if (from !== slider) slider.value = String(data[m]);
      (slider.nextElementSibling as HTMLElement).textContent = String(round(data[m]));
    });
    history.replaceState(null, "", `#data=${data.join(",")}`);
    said.textContent = "";
    shown.data = data;
  };
  const read = (words: string, from?: Element): void => {
    try {
      const data = parseData(words);
      if (data.length !== map.spec.M) throw new Error(`expected ${map.spec.M} numbers, got ${data.length}`);
      show(data, from);
    } catch (error) {
      said.textContent = (error as Error).message;
    }
  };
  for (const slider of sliders)
    slider.addEventListener("input", () =>
      show(
        sliders.map((s) => Number(s.value)),
        slider,
      ),
    );
  text.addEventListener("input", () => read(text.value, text));
  /** The last line of numbers of a file: a header before it is left out. */
  const take = async (given: File | undefined): Promise<void> => {
    const lines = (await given?.text())?.split(/\r?\n/).filter((line) => line.trim() !== "");
    if (lines)
      read(lines.length === map.spec.M ? lines.join(",") : (lines.find((line) => !/[a-df-z]/i.test(line)) ?? ""));
  };
  file.addEventListener("change", () => take(file.files?.[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer?.files[0]);
  });
  byId("link").addEventListener("click", async () => {
    await navigator.clipboard?.writeText(location.href).catch(() => undefined);
    said.textContent = "The address of this page holds the data.";
  });
  addEventListener("hashchange", () => show(linked(map.spec.M) ?? about.data));
  shown.map = map;
  show(linked(map.spec.M) ?? about.data);
}

start().catch((error: Error) => {
  byId("said").textContent = error.message;
});
