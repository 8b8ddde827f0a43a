/** `retrodict problems`: the built-in problems. */
import { guideNames } from "../guides/index.ts";
import type { Problem } from "../problem/problem.ts";
import { problems } from "../problems/table.ts";
import { presetNames } from "../train/options.ts";
import type { CliCommand } from "./command.ts";
import { formatTable } from "./table.ts";

/** Guides that the presets name, or all guides if they name none. */
function guidesOf({ presets }: Problem): string[] {
  const named = Object.values(presets).flatMap((preset) => Object.keys(preset as object));
  const known = guideNames.filter((name) => named.includes(name));
  return known.length > 0 ? known : [...guideNames];
}

export const problemsCommand: CliCommand = {
  name: "problems",
  summary: "list the built-in problems",
  define: () => {},
  run: async () => {
    const list = Object.entries(problems).map(([name, problem]) => ({
      name,
      D: problem.D,
      M: problem.M,
      guides: guidesOf(problem),
      presets: presetNames(problem),
      parameters: problem.parameters,
      description: problem.description,
    }));
    const columns = [
      { title: "name" },
      { title: "D", right: true },
      { title: "M", right: true },
      { title: "guides" },
      { title: "presets" },
      { title: "description" },
    ];
    const rows = list.map((p) => [p.name, `${p.D}`, `${p.M}`, p.guides.join(" "), p.presets.join(" "), p.description]);
    return { json: { problems: list }, text: formatTable(columns, rows) };
  },
};
