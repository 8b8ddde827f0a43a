/**
 * The sections of a .msh file in its two formats, 4.1 (nodes and elements in blocks by entity) and 2.2 (one a line).
 */
import { describe } from "../checks/arguments.ts";
import { LINE, NODES, refusal, TRIANGLE } from "./gmsh-elements.ts";
import { type Section, whole } from "./gmsh-sections.ts";

/** Elements of one type, as parallel arrays. */
export interface Elements {
  readonly numbers: number[];
  /** (count · nodes of an element) numbers of nodes. */
  readonly nodes: number[];
  /** The curve or surface of each element. */
  readonly entities: number[];
  /** The physical groups of each element. */
  readonly groups: (readonly number[])[];
  /** The line of the file of each element. */
  readonly lines: number[];
}

export interface Records {
  /** Number of a node → its index below, in the order of the file. */
  readonly index: ReadonlyMap<number, number>;
  readonly numbers: readonly number[];
  /** (nodes, 3) */
  readonly coordinates: ArrayLike<number>;
  /** Nodes that some element has. */
  readonly used: ReadonlySet<number>;
  readonly linesOf: Elements;
  readonly triangles: Elements;
}

type Format = "4.1" | "2.2";

/** How meshio writes a file that holds all that is read here. Its default for the name .msh is the format of Fluent. */
export const MESHIO = 'with meshio, mesh.write(path, file_format="gmsh22", binary=False)';

const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

/** The format of a file. @throws unless it is one of the two, in text. */
export function readFormat(section: Section): Format {
  const expected = "version, file type and data size, as 4.1 0 8";
  const [version, type] = section.next(expected);
  const advice = "write it with gmsh -format msh41 (or Mesh.MshFileVersion = 4.1)";
  if (type === "1")
    section.refuse("a file in text", `a binary one; write it with Mesh.Binary = 0 (without gmsh -bin); ${MESHIO}`);
  if (type !== "0") section.refuse(expected, describe([version, type].filter(Boolean).join(" ")));
  if (version === "2.2" || version === "4.1") return version;
  return section.refuse("version 4.1 or 2.2", `${describe(version)}; ${advice}; ${MESHIO}`);
}

/** Names by dimension and number: `1 3 "left"`. */
export function readNames(section: Section | undefined): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  if (section === undefined) return names;
  const [count] = section.numbers("the number of names", 1);
  section.expectCount(count, "names");
  for (let i = 0; i < count; i++) {
    const expected = `dimension, number and "name" ${i + 1} of ${count}`;
    const line = section.nextLine(expected);
    const found = /^([0-3])\s+(-?\d+)\s+"(.*)"$/.exec(line);
    if (!found || found[3].trim() === "") section.refuse(expected, describe(line));
    else names.set(`${found[1]} ${Math.abs(Number(found[2]))}`, found[3]);
  }
  section.close(`the end after ${plural(count, "name")}`);
  return names;
}

/** The physical groups of each entity of format 4.1, by dimension and number: `1 4` → [2, 5]. */
function readEntities(section: Section): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, readonly number[]>();
  const kinds = ["points", "curves", "surfaces", "volumes"];
  const counts = section.numbers("the numbers of points, curves, surfaces and volumes", 4);
  kinds.forEach((kind, dimension) => {
    section.expectCount(counts[dimension], kind);
    const head = dimension === 0 ? 4 : 7; // number, then a position or a box
    for (let i = 0; i < counts[dimension]; i++) {
      const place = dimension === 0 ? "x y z" : "box";
      const expected = `number, ${place} and groups of ${kind.slice(0, -1)} ${i + 1} of ${counts[dimension]}`;
      const row = section.numbers(expected, head + 1, Infinity);
      const [tagCount, tags] = [row[head], row.slice(head + 1, head + 1 + row[head])];
      const rest = row.length - head - 1 - tagCount;
      // A point ends here; the other kinds list their boundary, after its count.
      const fits = dimension === 0 ? rest === 0 : rest >= 1 && rest === 1 + row[head + 1 + tagCount];
      if (!Number.isInteger(tagCount) || tagCount < 0 || !fits) section.refuse(expected, plural(row.length, "number"));
      // A negative group contains the curve in the opposite direction, which does not matter here.
      groups.set(`${dimension} ${row[0]}`, [...new Set(tags.map((tag) => Math.abs(whole(section, "a group", tag))))]);
    }
  });
  section.close("the end after all entities");
  return groups;
}

/** Collects nodes and elements, with the checks that both formats share. */
function collector() {
  const index = new Map<number, number>();
  const numbers: number[] = [];
  const coordinates: number[] = [];
  const used = new Set<number>();
  const empty = (): Elements => ({ numbers: [], nodes: [], entities: [], groups: [], lines: [] });
  const kinds: Readonly<Record<number, Elements>> = { [LINE]: empty(), [TRIANGLE]: empty() };
  return {
    records: { index, numbers, coordinates, used, linesOf: kinds[LINE], triangles: kinds[TRIANGLE] } satisfies Records,
    addNode: (section: Section, number: number) => {
      whole(section, "the number of a node", number);
      if (index.has(number)) section.refuse("each node once", `node ${number} again`);
      index.set(number, numbers.length);
      numbers.push(number);
    },
    addElement: (section: Section, type: number, entity: number, groups: readonly number[], row: readonly number[]) => {
      const [number, ...nodes] = row;
      whole(section, "the number of an element", number);
      for (const node of nodes) {
        if (!index.has(node)) section.refuse("nodes that $Nodes lists", `node ${node} in element ${number}`);
        used.add(node);
      }
      const kind = kinds[type];
      if (kind === undefined) return; // a point
      kind.numbers.push(number);
      kind.nodes.push(...nodes);
      kind.entities.push(entity);
      kind.groups.push(groups);
      kind.lines.push(section.line());
    },
  };
}

/** The number of nodes of an element type. @throws with advice for a type that no plane mesh has. */
function nodesOf(section: Section, type: number): number {
  if (Object.hasOwn(NODES, type)) return NODES[type];
  const { name, advice } = refusal(type);
  return section.refuse("points, lines and triangles (types 15, 1 and 2)", `${name} (type ${type}); ${advice}`);
}

function read41(nodes: Section, elements: Section, entities: Section | undefined): Records {
  const { records, addNode, addElement } = collector();
  const groupsOf = entities && readEntities(entities);
  const [blocks, count] = nodes.numbers("the numbers of blocks and nodes, the least and largest number", 4);
  nodes.expectCount(blocks, "blocks");
  nodes.expectCount(count, "nodes");
  for (let b = 0; b < blocks; b++) {
    const [dimension, , parametric, size] = nodes.numbers(
      `dimension, entity, 0 or 1 and number of nodes of block ${b + 1} of ${blocks}`,
      4,
    );
    nodes.expectCount(size, "nodes");
    for (let i = 0; i < size; i++) addNode(nodes, nodes.numbers(`number of node ${i + 1} of ${size}`, 1)[0]);
    const most = parametric === 1 ? 3 + dimension : 3;
    for (let i = 0; i < size; i++) {
      const [x, y, z] = nodes.numbers(`x y z of node ${i + 1} of ${size}`, 3, most);
      records.coordinates.push(x, y, z);
    }
  }
  nodes.close(`the end after ${blocks} blocks`);
  expectTotal(nodes, count, records.numbers.length, "nodes");

  const [elementBlocks, total] = elements.numbers(
    "the numbers of blocks and elements, the least and largest number",
    4,
  );
  elements.expectCount(elementBlocks, "blocks");
  elements.expectCount(total, "elements");
  let seen = 0;
  for (let b = 0; b < elementBlocks; b++) {
    const expected = `dimension, entity, type and number of elements of block ${b + 1} of ${elementBlocks}`;
    const [dimension, entity, type, size] = elements.numbers(expected, 4);
    elements.expectCount(size, "elements");
    if (size === 0) continue;
    const width = nodesOf(elements, type);
    const groups = groupsOf ? groupsOf.get(`${dimension} ${entity}`) : [];
    if (groups === undefined)
      return elements.refuse("entities that $Entities lists", `entity ${entity} of dimension ${dimension}`);
    for (let i = 0; i < size; i++) {
      const row = elements.numbers(`a number and ${plural(width, "node")} of element ${i + 1} of ${size}`, 1 + width);
      addElement(elements, type, entity, groups, row);
    }
    seen += size;
  }
  elements.close(`the end after ${elementBlocks} blocks`);
  expectTotal(elements, total, seen, "elements");
  return records;
}

function read22(nodes: Section, elements: Section): Records {
  const { records, addNode, addElement } = collector();
  const [count] = nodes.numbers("the number of nodes", 1);
  nodes.expectCount(count, "nodes");
  for (let i = 0; i < count; i++) {
    const [number, x, y, z] = nodes.numbers(`number and x y z of node ${i + 1} of ${count}`, 4);
    addNode(nodes, number);
    records.coordinates.push(x, y, z);
  }
  nodes.close(`the end after ${plural(count, "node")}`);

  const [total] = elements.numbers("the number of elements", 1);
  elements.expectCount(total, "elements");
  for (let i = 0; i < total; i++) {
    const expected = `number, type, tags and nodes of element ${i + 1} of ${total}`;
    const [number, type, tagCount, ...rest] = elements.numbers(expected, 3, Infinity);
    const width = nodesOf(elements, type);
    if (!Number.isInteger(tagCount) || tagCount < 0 || rest.length !== tagCount + width)
      elements.refuse(
        expected,
        `${tagCount} tags and ${plural(width, "node")} announced, ${rest.length} numbers there`,
      );
    const [group = 0, entity = 0] = rest.slice(0, tagCount); // 0 is no group
    whole(elements, "a group", group);
    addElement(elements, type, entity, group === 0 ? [] : [Math.abs(group)], [number, ...rest.slice(tagCount)]);
  }
  elements.close(`the end after ${plural(total, "element")}`);
  return records;
}

function expectTotal(section: Section, announced: number, found: number, what: string): void {
  if (announced !== found) section.refuse(`${announced} ${what} as announced`, `${found} in the blocks`);
}

/** The nodes and elements of a file in either format; `named` groups must have elements to belong to them. */
export function readRecords(format: Format, sections: ReadonlyMap<string, Section>, named: number): Records {
  const need = (name: string): Section => {
    const section = sections.get(name);
    if (section) return section;
    const parametric = name === "Nodes" && sections.has("ParametricNodes");
    const got = [...sections.keys()].map((it) => `$${it}`).join(", ");
    const advice = parametric ? "; write it with Mesh.SaveParametric = 0" : "";
    throw new Error(`gmsh: expected a section $${name}, got only ${got}${advice}`);
  };
  if (sections.has("PartitionedEntities"))
    throw new Error("gmsh: expected a mesh in one part, got $PartitionedEntities; write it without partitions");
  const [nodes, elements, entities] = [need("Nodes"), need("Elements"), sections.get("Entities")];
  if (format === "2.2") return read22(nodes, elements);
  if (entities === undefined && named > 0)
    throw new Error(
      `gmsh: expected $Entities, which say what belongs to the ${plural(named, "group")} of $PhysicalNames, got none; ${MESHIO}`,
    );
  return read41(nodes, elements, entities);
}
