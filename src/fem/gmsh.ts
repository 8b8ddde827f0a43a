/**
 * Meshes from Gmsh: .msh files of the formats 4.1 (the default) and 2.2 in text; Gmsh manual, section "MSH file
 * format".
 */
import { describe } from "../checks/arguments.ts";
import { readOptions } from "../checks/options.ts";
import { showPoint } from "./arrays.ts";
import { buildMesh } from "./build.ts";
import { type Elements, MESHIO, type Records, readFormat, readNames, readRecords } from "./gmsh-records.ts";
import { readSections } from "./gmsh-sections.ts";
import type { Mesh } from "./mesh.ts";
import { type SeamOptions, seamTable } from "./seams.ts";

/** Largest distance of nodes from their common plane, over the size of the mesh. */
const FLATNESS = 1e-9;

/** The elements of each tag, by name or, where a group has none, by its number as text. Named groups may be empty. */
function byTag(
  dimension: 1 | 2,
  names: ReadonlyMap<string, string>,
  { groups, numbers }: Elements,
): Map<string, number[]> {
  const tags = new Map<string, number[]>();
  for (const [key, name] of names) if (key.startsWith(`${dimension} `)) tags.set(name, []);
  const named = new Set(tags.keys());
  groups.forEach((list, element) => {
    for (const group of list) {
      const name = names.get(`${dimension} ${group}`);
      if (name === undefined && named.has(String(group))) {
        const got = `element ${numbers[element]} in group ${group} without a name, and another group named "${group}"`;
        throw new Error(`gmsh: expected different tags for different groups, got ${got}; name the former`);
      }
      const tag = name ?? String(group);
      const entry = tags.get(tag);
      if (entry) entry.push(element);
      else tags.set(tag, [element]);
    }
  });
  return tags;
}

/**
 * Format 2.2 repeats an element for each of its physical groups. Returns each triangle once, with all its groups. A triangle that
 * occurs twice in one group, or in two surfaces, is kept twice; `buildMesh` refuses it.
 */
function mergeRepeated(triangles: Elements): Elements {
  const out: Elements = { numbers: [], nodes: [], entities: [], groups: [], lines: [] };
  const seen = new Map<string, number>();
  const groups: Set<number>[] = []; // of each triangle; a list would be searched again for each of them
  triangles.numbers.forEach((number, i) => {
    const nodes = triangles.nodes.slice(3 * i, 3 * i + 3);
    const key = [triangles.entities[i], ...nodes.toSorted((a, b) => a - b)].join(" ");
    const first = seen.get(key);
    const [group] = triangles.groups[i];
    if (first !== undefined && group !== undefined && !groups[first].has(group)) {
      groups[first].add(group);
      return;
    }
    if (first === undefined) seen.set(key, out.numbers.length);
    out.numbers.push(number);
    out.nodes.push(...nodes);
    out.entities.push(triangles.entities[i]);
    groups.push(new Set(triangles.groups[i]));
    out.lines.push(triangles.lines[i]);
  });
  return { ...out, groups: groups.map((all) => [...all]) };
}

/**
 * The nodes that become points, in the order of the file: the corners of triangles. Nodes that only points and lines without a
 * physical group use are construction geometry, such as the centre of an arc, and are left out.
 */
function keptNodes({ index, numbers, coordinates, used, linesOf }: Records, triangles: Elements): number[] {
  const corners = new Set(triangles.nodes);
  const at = (node: number): string => {
    const i = 3 * index.get(node)!;
    return `node ${node} at ${showPoint(coordinates[i], coordinates[i + 1])}`;
  };
  linesOf.groups.forEach((groups, i) => {
    if (groups.length === 0) return;
    const off = linesOf.nodes.slice(2 * i, 2 * i + 2).find((node) => !corners.has(node));
    if (off === undefined) return;
    const element = `line ${linesOf.numbers[i]} (line ${linesOf.lines[i]} of the file)`;
    const advice = "remove its curve from the group, or add its surface to a physical group of surfaces";
    throw new Error(
      `gmsh: expected lines of physical groups along triangles, got ${element} with ${at(off)}; ${advice}`,
    );
  });
  const orphan = numbers.find((node) => !used.has(node));
  if (orphan === undefined) return numbers.filter((node) => corners.has(node));
  const count = numbers.filter((node) => !used.has(node)).length;
  const more = count > 1 ? ` and ${count - 1} more` : "";
  throw new Error(
    `gmsh: $Nodes: expected nodes that elements use, got ${at(orphan)}${more} in none; ` +
      "delete what no element uses (Gmsh itself saves no such node)",
  );
}

/** @throws unless all z are equal. */
function expectPlane({ index, coordinates }: Records, nodes: readonly number[]): void {
  const at = (node: number, k: number): number => coordinates[3 * index.get(node)! + k];
  const extent = [0, 1].map((k) => {
    const [least, most] = nodes.reduce(
      ([low, high], node) => [Math.min(low, at(node, k)), Math.max(high, at(node, k))],
      [Infinity, -Infinity],
    );
    return most - least;
  });
  const z = at(nodes[0], 2);
  const off = nodes.find((node) => !(Math.abs(at(node, 2) - z) <= FLATNESS * Math.max(...extent)));
  if (off === undefined) return;
  const got = `z = ${at(off, 2)} at node ${off} and z = ${z} at node ${nodes[0]}`;
  throw new Error(`gmsh: expected a plane mesh (all nodes at one z), got ${got}`);
}

/**
 * The mesh in the text of a .msh file.
 *
 * Physical groups of curves become edge tags and those of surfaces region tags, by name or, for a group without a name, by its number
 * as text. A group may also contain lines between two triangles (an interface): they are left out of its tag, and `selectEdges` of it
 * refuses the tag with this reason. Points keep the order of the file. The triangles of a surface may all be clockwise; they are then
 * reversed. Nodes that only points or lines without a physical group use are left out, and so are sections that are not needed.
 * Surfaces that touch without sharing nodes and edges, as from the OpenCASCADE kernel without `fragment`, are warned of, because
 * nothing flows between them; `{ merge: tolerance }` joins nodes at one place.
 *
 * @throws naming the section and line, or the node or element: a binary file, another version, a truncated file,
 * a wrong count, a missing section, elements other than points, lines and triangles of first order, nodes off one plane
 * z = const., a node that no element uses, a tagged line that is no edge of a triangle, a mesh in partitions, and what
 * makeMesh refuses.
 */
export function gmsh(text: string, options: SeamOptions = {}): Mesh {
  const seams = readOptions("gmsh", seamTable, options);
  if (typeof text !== "string")
    throw new Error(`gmsh: expected the text of a .msh file, got ${describe(text)}; read it as text (utf8)`);
  if (/^[^\n\r$]+\.(msh|geo)$/.test(text))
    throw new Error(
      `gmsh: expected the text of a .msh file, got what looks like the name of one, ${describe(text)}; read it first`,
    );
  if (/^\s*\$NOD\s/.test(text))
    throw new Error("gmsh: expected version 4.1 or 2.2, got version 1; write it with gmsh -format msh41");
  if (/^\s*\(\d+ /.test(text))
    throw new Error(`gmsh: expected a .msh file of Gmsh, got one of Fluent, ${describe(text.slice(0, 24))}; ${MESHIO}`);
  // A binary file has no meaningful lines, so its format is read before any other section.
  const head = /^\s*\$MeshFormat\s[^$]*\$EndMeshFormat/.exec(text)?.[0];
  if (head) readFormat(readSections(head).get("MeshFormat")!);
  const sections = readSections(text);
  const start = sections.get("MeshFormat");
  if (start === undefined) {
    const got = sections.size > 0 ? [...sections.keys()].map((name) => `$${name}`).join(", ") : "an empty text";
    throw new Error(`gmsh: expected a .msh file, which begins with $MeshFormat, got ${got}`);
  }
  const format = readFormat(start);
  const names = readNames(sections.get("PhysicalNames"));
  const records = readRecords(format, sections, names.size);
  const triangles = format === "2.2" ? mergeRepeated(records.triangles) : records.triangles;
  if (triangles.numbers.length === 0)
    throw new Error(
      "gmsh: expected triangles in $Elements, got none; mesh in two dimensions (gmsh -2), " +
        "and where there are physical groups of curves, put the surfaces into one too",
    );
  const kept = keptNodes(records, triangles);
  expectPlane(records, kept);

  const pointOf = new Map(kept.map((node, i) => [node, i]));
  const points = new Float64Array(2 * kept.length);
  kept.forEach((node, i) => {
    const at = 3 * records.index.get(node)!;
    points.set([records.coordinates[at], records.coordinates[at + 1]], 2 * i);
  });
  const { linesOf } = records;
  const lines = [...byTag(1, names, linesOf)].map(
    ([tag, list]) => [tag, list.flatMap((i) => [2 * i, 2 * i + 1].map((k) => pointOf.get(linesOf.nodes[k])!))] as const,
  );
  return buildMesh(
    {
      points,
      triangles: Int32Array.from(triangles.nodes, (node) => pointOf.get(node)!),
      surfaces: triangles.entities,
      lines,
      regions: byTag(2, names, triangles),
    },
    {
      owner: "gmsh",
      point: (i) => `node ${kept[i]}`,
      triangle: (t) => `element ${triangles.numbers[t]} (line ${triangles.lines[t]})`,
    },
    seams,
  );
}
