/** `retrodict problems`: what is built in. */
import { guideNames } from "../guides/index.ts";
import type { Problem } from "../problem/problem.ts";
import { problems } from "../problems/table.ts";
import type { CliCommand } from "./command.ts";
import { formatTable } from "./table.ts";

/** Guides that presets know, else all of them. */
function guidesOf({ presets }: Problem): string[] {
  const named = Object.values(presets).flatMap((preset) => Object.keys(preset as object));
  const known = guideNames.filter((name) => named.includes(name));
  return known.length > 0 ? known : [...guideNames];
}

export const problemsCommand: CliCommand = {
  name: "problems",
  summary: "list the problems that are built in",
  define: () => {},
  run: async () => {
    const list = Object.entries(problems).map(([name, problem]) => ({
      name,
      D: problem.D,
      M: problem.M,
      guides: guidesOf(problem),
      presets: Object.keys(problem.presets),
      parameters: problem.parameters,
      description: problem.description,
    }));
    const columns = [
      { title: "name" },
      { title: "D", right: true },
      { title: "M", right: true },
      { title: "guides" },
      { title: "what" },
    ];
    const rows = list.map((p) => [p.name, `${p.D}`, `${p.M}`, p.guides.join(" "), p.description]);
    return { json: { problems: list }, text: formatTable(columns, rows) };
  },
};
