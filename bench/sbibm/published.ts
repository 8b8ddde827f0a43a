/** The published figures: C2ST of observations 1–5, by task, algorithm and simulations. */
import { readFileSync } from "node:fs";
import { meanOf } from "../../src/numbers/moments.ts";

/** Means over observations 1–5 of NPE, SNPE, and the best algorithm, of a task at a budget; NaN where nothing is published. */
export function published(folder: string): (task: string, budget: number) => readonly [number, number, number] {
  const [head, ...lines] = readFileSync(`${folder}/published.csv`, "utf8").trim().split("\n");
  const columns = head.split(",");
  const first = columns.indexOf("obs_1");
  const rows = lines.map((line) => {
    const cells = line.split(",");
    return {
      task: cells[0],
      algorithm: cells[1],
      budget: Number(cells[2]),
      score: meanOf(cells.slice(first, first + 5).map(Number)),
    };
  });
  return (task, budget) => {
    const here = rows.filter((row) => row.task === task && row.budget === budget);
    const of = (name: string): number => here.find(({ algorithm }) => algorithm === name)?.score ?? Number.NaN;
    return [of("NPE"), of("SNPE"), Math.min(...here.map(({ score }) => score))];
  };
}
