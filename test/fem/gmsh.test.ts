// Gmsh itself wrote the files of test/fixtures/gmsh and examples/plate.msh, from the .geo files beside them.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gmsh } from "../../src/fem/gmsh.ts";
import { areas, type Mesh } from "../../src/fem/mesh.ts";
import { selectEdges, selectTriangles } from "../../src/fem/select.ts";
import { processorSeconds } from "../helpers/clock.ts";
import { BY_HAND, read, versions } from "../helpers/mesh.ts";
import { messageOf } from "../helpers/store.ts";

/** What a mesh is, whatever the order of its parts. */
function summary(mesh: Mesh) {
  const { points, triangles, edges } = mesh;
  const at = (p: number) => `${points[2 * p]},${points[2 * p + 1]}`;
  const cell = (t: number) =>
    [0, 1, 2]
      .map((k) => at(triangles[3 * t + k]))
      .sort()
      .join(" ");
  const edge = (s: number) => `${at(edges[2 * s])} ${at(edges[2 * s + 1])}`;
  const tags = (given: Mesh["edgeTags"], show: (i: number) => string) =>
    Object.fromEntries(Object.entries(given).map(([name, list]) => [name, list.map(show).sort()]));
  return {
    cells: Array.from({ length: triangles.length / 3 }, (_, t) => cell(t)).sort(),
    edges: Array.from({ length: edges.length / 2 }, (_, s) => edge(s)).sort(),
    edgeTags: tags(mesh.edgeTags, edge),
    regionTags: tags(mesh.regionTags, cell),
    interiorLines: mesh.interiorLines,
  };
}

for (const version of versions) {
  test(`a file of version ${version} written by hand is read, with its groups as tags`, () => {
    const mesh = gmsh(BY_HAND[version]);
    assert.equal([...mesh.points].sort(), [0, 0, 0, 0, 0.5, 0.5, 1, 1, 1, 1]);
    assert.equal([...mesh.points.slice(0, 4)], [0, 0, 1, 0]);
    assert.equal([...areas(mesh)], [0.25, 0.25, 0.25, 0.25], "the second surface is clockwise in the file");
    const { edgeTags, regionTags } = summary(mesh);
    assert.equal(edgeTags, {
      9: ["0,0 1,0"],
      left: ["0,1 0,0"],
      "the other sides": ["0,0 1,0", "1,0 1,1", "1,1 0,1"],
    });
    assert.is(regionTags.plate.length, 4);
  });

  test(`version ${version} with Windows line ends, a byte-order mark, blank lines and spaces reads the same`, () => {
    const text = BY_HAND[version];
    for (const other of [
      text.replaceAll("\n", "\r\n"),
      `\uFEFF${text}`,
      text.replaceAll("\n", "\n\n"),
      text.replaceAll("\n", " \t\n  ").trimEnd(),
    ])
      assert.equal(gmsh(other), gmsh(text));
  });

  test(`Gmsh's own file of version ${version} has both surfaces, shared groups and the interface`, () => {
    const mesh = gmsh(read(`test/fixtures/gmsh/grouped-${version}.msh`));
    const total = (list: Iterable<number>) => [...list].reduce((a, b) => a + b, 0);
    const parts = areas(mesh);
    assert.ok(Math.abs(total(parts) - 2) < 1e-14);
    const [matrix, inclusion, all] = ["matrix", "inclusion", "all of it"].map((tag) => selectTriangles(mesh, tag));
    assert.equal([...matrix, ...inclusion].sort(), [...all].sort());
    // The inclusion's rim is a regular polygon of 6 sides on a circle of radius 1/4.
    assert.ok(Math.abs(total(inclusion.map((t) => parts[t])) - 3 * (1 / 16) * Math.sin(Math.PI / 3)) < 1e-9);
    assert.equal(
      selectEdges(mesh, "left"),
      selectEdges(mesh, (x) => x === 0),
    );
    assert.equal(
      selectEdges(mesh, "40"),
      selectEdges(mesh, (x) => x === 2),
    );
    assert.equal(
      selectEdges(mesh, "walls"),
      selectEdges(mesh, (x, y) => x < 1e-9 || y < 1e-9 || y > 1 - 1e-9),
    );
    assert.match(
      messageOf(() => selectEdges(mesh, "interface")),
      /got 6 of its 6 lines between two triangles/,
    );
    assert.match(
      messageOf(() => selectEdges(mesh, "right and interface")),
      /got 3 of its 5 lines/,
    );
  });

  test(`without groups, version ${version} has no tags, and the centre of its arcs is no point`, () => {
    const mesh = gmsh(read(`test/fixtures/gmsh/ungrouped-${version}.msh`));
    assert.equal([mesh.edgeTags, mesh.regionTags], [{}, {}]);
    const grouped = gmsh(read(`test/fixtures/gmsh/grouped-${version}.msh`));
    assert.equal(summary(mesh).cells, summary(grouped).cells);
    assert.match(
      messageOf(() => selectEdges(mesh, "left")),
      /expected a predicate \(the mesh has no edge tags; files of Gmsh/,
    );
  });
}

test("both versions written by hand, and both of Gmsh's own, are the same mesh", () => {
  assert.equal(summary(gmsh(BY_HAND["4.1"])), summary(gmsh(BY_HAND["2.2"])));
  const [a, b] = versions.map((version) => gmsh(read(`test/fixtures/gmsh/grouped-${version}.msh`)));
  assert.equal(summary(a), summary(b));
});

test("the plate of the examples has its hole and sides", () => {
  const mesh = gmsh(read("examples/plate.msh"));
  const [N, S, E] = [mesh.points.length / 2, mesh.edges.length / 2, mesh.triangles.length / 3];
  assert.is(2 * N, E + S, "Euler's formula with one hole");
  const sides = { left: 0, right: 2 } as const;
  for (const [tag, at] of Object.entries(sides))
    assert.equal(
      selectEdges(mesh, tag),
      selectEdges(mesh, (x) => x === at),
    );
  const hole = selectEdges(mesh, "hole");
  assert.equal(
    hole,
    selectEdges(mesh, (x, y) => Math.hypot(x - 1, y - 0.5) < 0.21),
  );
  const n = hole.length;
  const polygon = (n / 2) * 0.04 * Math.sin((2 * Math.PI) / n);
  assert.ok(Math.abs(areas(mesh).reduce((a, b) => a + b) - (2 - polygon)) < 1e-6);
  assert.is(selectTriangles(mesh, "plate").length, E);
  assert.equal(Object.values(mesh.edgeTags).flat().sort(), Array.from({ length: S }, (_, s) => s).sort());
});

test("a mesh at another height is plane too", () => {
  const raised = BY_HAND["2.2"].replace(/^(\d+ [\d.]+ [\d.]+) 0$/gm, "$1 -2.5");
  assert.equal(gmsh(raised), gmsh(BY_HAND["2.2"]));
});

test("version 2.2 may repeat a triangle for another group from another corner", () => {
  const text = BY_HAND["2.2"].replace("10\n1 15", "11\n20 2 2 5 1 3 1000000000000 30\n1 15");
  const mesh = gmsh(text);
  assert.is(mesh.triangles.length, 12);
  assert.is(selectTriangles(mesh, "5").length, 1);
  assert.is(selectTriangles(mesh, "plate").length, 4);
});

test("tagged lines away from all triangles are refused, untagged ones left out", () => {
  const away = (group: number) =>
    BY_HAND["2.2"]
      .replace("5\n30", "7\n50 5 5 0\n51 6 6 0\n30")
      .replace("10\n1 15", `11\n99 1 2 ${group} 9 50 51\n1 15`);
  assert.match(
    messageOf(() => gmsh(away(1))),
    /got line 99 \(line 22 of the file\) with node 50 at \(5, 5\); remove its curve from the group/,
  );
  assert.equal(summary(gmsh(away(0))), summary(gmsh(BY_HAND["2.2"])));
});

test("a file without triangles says what to do", () => {
  const lines = BY_HAND["2.2"].split("\n").filter((line) => !/^\d 2 2 1/.test(line));
  assert.match(
    messageOf(() => gmsh(lines.join("\n").replace("10\n1 15", "6\n1 15"))),
    /expected triangles in \$Elements, got none; mesh in two dimensions \(gmsh -2\).*surfaces into one too/,
  );
});

const without = (text: string, name: string) => text.replace(new RegExp(`\\$${name}[\\s\\S]*\\$End${name}\\n`), "");
const OPTIONS = /with meshio, mesh\.write\(path, file_format="gmsh22", binary=False\)/;

test("elements without $Entities have no tags, and names of groups without them are refused", () => {
  const bare = without(BY_HAND["4.1"], "Entities");
  assert.equal(gmsh(without(bare, "PhysicalNames")).edgeTags, {});
  assert.match(
    messageOf(() => gmsh(bare)),
    /^gmsh: expected \$Entities, which say what belongs to the 3 groups of \$PhysicalNames, got none; with meshio/,
  );
  assert.match(
    messageOf(() => selectEdges(gmsh(without(bare, "PhysicalNames")), "left")),
    /the mesh has no edge tags; files of Gmsh have them from physical groups/,
  );
});

test("files that meshio writes by default are refused with the options that write others", () => {
  const fluent = '(1 "meshio 5.3.5")\n(2 2)\n(10 (0 1 4 0))\n(12 (0 1 2 0))\n(3010 (1 1 4 1 2)(\n\u0000\uFFFD';
  const binary = BY_HAND["4.1"].replace("4.1 0 8", "4.1 1 8\n\u0001\u0000");
  const old = BY_HAND["4.1"].replace("4.1 0 8", "4 0 8");
  for (const [text, got] of [
    [fluent, "got one of Fluent"],
    [binary, "got a binary one"],
    [old, 'got "4"'],
  ]) {
    const message = messageOf(() => gmsh(text));
    assert.match(message, got);
    assert.match(message, OPTIONS);
  }
});

test("sections that are not read may come several times", () => {
  const step = (time: number, section: string) =>
    `$${section}\n1\n"u"\n1\n${time}\n3\n${time}\n1\n5\n30 1\n3 1\n7 1\n8 1\n9 1\n$End${section}\n`;
  for (const version of versions) {
    for (const section of ["NodeData", "ElementData", "ElementNodeData"])
      assert.equal(gmsh(`${BY_HAND[version]}\n${step(0, section)}${step(1, section)}`), gmsh(BY_HAND[version]));
    assert.match(
      messageOf(() => gmsh(`${BY_HAND[version]}\n$Nodes\n0\n$EndNodes\n`)),
      /\$Nodes, line \d+: expected it once/,
    );
  }
});

test("a triangle in very many groups, and a very long word, take the time of their length", () => {
  const repeated = (count: number) => {
    const lines = Array.from({ length: count }, (_, i) => `${20 + i} 2 2 ${5 + i} 1 3 1000000000000 30`);
    return BY_HAND["2.2"].replace("10\n1 15", `${10 + count}\n${lines.join("\n")}\n1 15`);
  };
  assert.is(selectTriangles(gmsh(repeated(100)), "104").length, 1);
  const seconds = processorSeconds(() => gmsh(repeated(60_000)));
  assert.ok(seconds < 4, `${seconds} s, where it is less than one`);
  const word = BY_HAND["2.2"].replace("30 0 0 0", `30 ${"1".repeat(300_000)}x 0 0`);
  assert.ok(
    processorSeconds(() =>
      assert.match(
        messageOf(() => gmsh(word)),
        /got "111/,
      ),
    ) < 4,
  );
});

test("a file of 50,000 nodes is read in the time of its length", () => {
  const n = 224;
  const at = (i: number, j: number) => j * (n + 1) + i + 1;
  const nodes: string[] = [];
  const cells: string[] = [];
  for (let j = 0; j <= n; j++) for (let i = 0; i <= n; i++) nodes.push(`${at(i, j)} ${i} ${j} 0`);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      cells.push(`${cells.length + 1} 2 2 1 1 ${at(i, j)} ${at(i + 1, j)} ${at(i + 1, j + 1)}`);
      cells.push(`${cells.length + 1} 2 2 1 1 ${at(i, j)} ${at(i + 1, j + 1)} ${at(i, j + 1)}`);
    }
  }
  const section = (name: string, rows: string[]) => `$${name}\n${rows.length}\n${rows.join("\n")}\n$End${name}\n`;
  const text = `$MeshFormat\n2.2 0 8\n$EndMeshFormat\n${section("Nodes", nodes)}${section("Elements", cells)}`;
  const seconds = processorSeconds(() => {
    const mesh = gmsh(text);
    assert.is(mesh.triangles.length, 6 * n * n);
    assert.is(mesh.edges.length, 8 * n);
  });
  assert.ok(seconds < 20, `${seconds} s, where it is about one`);
});

test.run();
