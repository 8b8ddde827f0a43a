import { test } from "uvu";
import * as assert from "uvu/assert";
import { gmsh } from "../../src/fem/gmsh.ts";
import { areas } from "../../src/fem/mesh.ts";
import { BY_HAND, read, type Version, versions } from "../helpers/mesh.ts";
import { generator, messageOf } from "../helpers/store.ts";

for (const version of versions) {
  test(`a file of version ${version} cut after any line or character gets a clear error`, () => {
    const text = read(`test/fixtures/gmsh/grouped-${version}.msh`);
    const lines = text.trimEnd().split("\n");
    const message = /^gmsh: (\$\w+, line \d+: expected .*, got|expected (a section|a \.msh file).*, got)/;
    for (let n = 0; n < lines.length; n++)
      assert.match(
        messageOf(() => gmsh(lines.slice(0, n).join("\n"))),
        message,
      );
    for (let n = 0; n < 400; n++) assert.throws(() => gmsh(text.slice(0, n)), /^gmsh: .*expected/);
  });

  test(`of a file of version ${version} without any one line, a mesh or a clear error comes`, () => {
    const lines = read(`test/fixtures/gmsh/grouped-${version}.msh`).trimEnd().split("\n");
    const silent: string[] = [];
    for (let n = 0; n < lines.length; n++) {
      const told = messageOf(() => gmsh(lines.toSpliced(n, 1).join("\n")));
      if (told === "nothing was thrown") silent.push(lines[n]);
      else assert.match(told, /^gmsh: .*expected .*, got /);
    }
    assert.equal(silent, []);
  });

  test(`of a file of version ${version} with random words, a mesh or a clear error comes`, () => {
    const random = generator(3);
    const words = [
      "",
      "0",
      "1",
      "-1",
      "2",
      "3",
      "4",
      "15",
      "1e9",
      "1e99",
      "-1e400",
      "nan",
      "0.5",
      "$",
      "$Nodes",
      "x",
      "99",
    ];
    const text = read(`test/fixtures/gmsh/grouped-${version}.msh`);
    const parts = text.split(/(\s+)/);
    let refused = 0;
    for (let n = 0; n < 1500; n++) {
      const changed = [...parts];
      for (let k = random() % 2; k >= 0; k--) changed[random() % parts.length] = words[random() % words.length];
      try {
        const mesh = gmsh(changed.join(""));
        assert.ok(areas(mesh).every((area) => area > 0));
      } catch (error) {
        assert.match((error as Error).message, /^gmsh: .*expected .*, got /);
        refused++;
      }
    }
    assert.ok(refused > 500, `${refused} refused`);
  });
}

/** The file written by hand with a text in place of another. @throws where it is not there. */
function changed(version: Version, from: string, to: string): string {
  const text = BY_HAND[version].replace(from, to);
  assert.is.not(text, BY_HAND[version], `the file holds ${from}`);
  return text;
}

const damaged: readonly [what: string, version: Version, from: string, to: string, message: RegExp][] = [
  [
    "is binary",
    "4.1",
    "4.1 0 8",
    "4.1 1 8",
    /\$MeshFormat, line 2: expected a file in text, got a binary one; write it with Mesh.Binary = 0/,
  ],
  [
    "is of version 4",
    "4.1",
    "4.1 0 8",
    "4 0 8",
    /line 2: expected version 4.1 or 2.2, got "4"; write it with gmsh -format msh41/,
  ],
  ["has no type", "4.1", "4.1 0 8", "4.1", /expected version, file type and data size.*got "4.1"/],
  [
    "has no format",
    "2.2",
    "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n",
    "",
    /begins with \$MeshFormat, got \$PhysicalNames, \$Nodes/,
  ],
  [
    "has text before all",
    "2.2",
    "$MeshFormat",
    "hello\n$MeshFormat",
    /line 1: expected "\$MeshFormat", with which.*got "hello"/,
  ],
  [
    "has text between sections",
    "2.2",
    "$EndNodes",
    "$EndNodes\n1 2 3",
    /line 18: expected a section as \$Nodes, got "1 2 3"/,
  ],
  [
    "has no nodes",
    "2.2",
    "$Nodes",
    "$Nodez",
    /\$Nodez, line 10: expected its end, \$EndNodez, got the end of a truncated file/,
  ],
  [
    "has an end alone",
    "2.2",
    "$Nodes\n",
    "$EndNodes\n$Nodes\n",
    /line 10: expected a section as \$Nodes, got "\$EndNodes"/,
  ],
  ["has nodes twice", "2.2", "$Elements", "$Nodes\n0\n$EndNodes\n$Elements", /\$Nodes, line 18: expected it once/],
  [
    "is partitioned",
    "4.1",
    "$Nodes\n3",
    "$PartitionedEntities\n$EndPartitionedEntities\n$Nodes\n3",
    /write it without partitions/,
  ],
  [
    "announces too few names",
    "2.2",
    "3\n1 1",
    "2\n1 1",
    /\$PhysicalNames, line 8: expected the end after 2 names, got "2 1 \\"plate\\""/,
  ],
  ["announces too many names", "2.2", "3\n1 1", "4\n1 1", /expected 4 names, got 3 lines/],
  [
    "has a name without quotes",
    "2.2",
    '"left"',
    "left",
    /line 6: expected dimension, number and "name" 1 of 3, got "1 1 left"/,
  ],
  [
    "announces too few nodes",
    "2.2",
    "5\n30",
    "4\n30",
    /\$Nodes, line 16: expected the end after 4 nodes, got "1000000000000 0.5 0.5 0"/,
  ],
  ["announces too many nodes", "2.2", "5\n30", "6\n30", /\$Nodes, line 11: expected 6 nodes, got 5 lines to the end/],
  ["announces nodes beyond memory", "2.2", "5\n30", "1e15\n30", /expected 1000000000000000 nodes, got 5 lines/],
  ["announces a negative number of nodes", "2.2", "5\n30", "-5\n30", /expected a number of nodes, got -5/],
  ["announces half a node", "2.2", "5\n30", "4.5\n30", /expected a number of nodes, got 4.5/],
  [
    "has a node of two coordinates",
    "2.2",
    "3 1 0 0",
    "3 1 0",
    /line 13: expected number and x y z of node 2 of 5, got "3 1 0"/,
  ],
  ["has a word as coordinate", "2.2", "3 1 0 0", "3 one 0 0", /line 13: expected number and x y z.*got "one"/],
  ["has a coordinate that is NaN", "2.2", "3 1 0 0", "3 nan 0 0", /line 13: .*got "nan"/],
  [
    "has an infinite coordinate",
    "2.2",
    "3 1 0 0",
    "3 1e999 0 0",
    /expected finite coordinates, got Infinity as x of node 3/,
  ],
  ["has a node twice", "2.2", "3 1 0 0", "30 1 0 0", /line 13: expected each node once, got node 30 again/],
  ["has a broken node number", "2.2", "3 1 0 0", "3.5 1 0 0", /the number of a node as a whole number, got 3.5/],
  ["is not plane", "2.2", "7 1 1 0", "7 1 1 0.1", /expected a plane mesh.*got z = 0.1 at node 7 and z = 0 at node 30/],
  [
    "names a node that is not there",
    "2.2",
    "7 2 2 1 1 3 7 1",
    "7 2 2 1 1 3 6 1",
    /\$Elements, line 27: expected nodes that \$Nodes lists, got node 6 in element 7/,
  ],
  [
    "announces too few elements",
    "2.2",
    "10\n1 15",
    "9\n1 15",
    /line 29: expected the end after 9 elements, got "9 2 2 1 2/,
  ],
  [
    "has an element short of a node",
    "2.2",
    "9 2 2 1 2 8 1000000000000 30",
    "9 2 2 1 2 8 30",
    /line 29: .*element 10 of 10, got 2 tags and 3 nodes announced, 4 numbers there/,
  ],
  [
    "has quadrangles",
    "2.2",
    "9 2 2 1 2 8",
    "9 3 2 1 2 8 8",
    /line 29: expected points, lines and triangles.*got quadrangles \(type 3\); mesh with triangles \(no Recombine/,
  ],
  [
    "has triangles of second order",
    "2.2",
    "9 2 2",
    "9 9 2",
    /got triangles of higher order \(type 9\); mesh with elements of first order/,
  ],
  ["has lines of second order", "2.2", "2 1 2 1 1 30 8", "2 8 2 1 1 30 8 3", /got lines of higher order \(type 8\)/],
  ["has tetrahedra", "2.2", "9 2 2", "9 4 2", /got tetrahedra \(type 4\); mesh in two dimensions \(gmsh -2\)/],
  ["has elements of no known type", "2.2", "9 2 2", "9 999 2", /got others \(type 999\)/],
  ["has a node in no element", "2.2", "5\n30", "6\n5 3 4 0\n30", /got node 5 at \(3, 4\) in none; delete/],
  [
    "has an inverted triangle",
    "2.2",
    "7 2 2 1 1 3 7 1",
    "7 2 2 1 1 7 3 1",
    /wind the same way, got 1 counter-clockwise and, clockwise, element 7 \(line 27\)/,
  ],
  [
    "has a triangle twice",
    "2.2",
    "7 2 2 1 1 3 7 1",
    "7 2 2 1 1 30 3 1",
    /each triangle once, got element 6 \(line 26\) and element 7 \(line 27\)/,
  ],
  [
    "has a triangle of no area",
    "2.2",
    "7 1 1 0",
    "7 0.5 0.5 0",
    /some area, got none in element 7 \(line 27\) with corners node 3 \(1, 0\)/,
  ],
  [
    "tags a line across the cells",
    "2.2",
    "2 1 2 1 1 30 8",
    "2 1 2 1 1 30 7",
    /"left" to tag edges of triangles, got node 30 to node 7/,
  ],
  [
    "has a group called as another's number",
    "2.2",
    '"left"',
    '"9"',
    /element 13 in group 9 without a name, and another group named "9"/,
  ],
  [
    "lacks an entity",
    "4.1",
    "2 4 2 0\n1 0 0 0 0\n",
    "1 4 2 0\n",
    /\$Elements, line 44: expected entities that \$Entities lists, got entity 1 of dimension 0/,
  ],
  [
    "lacks a curve",
    "4.1",
    "4 0 1 0 1 1 0 1 2 0\n",
    "5 0 1 0 1 1 0 1 2 0\n",
    /\$Elements, line 53: expected entities that \$Entities lists, got entity 4 of dimension 1/,
  ],
  [
    "announces too few entities",
    "4.1",
    "2 4 2 0\n1",
    "2 4 1 0\n1",
    /\$Entities, line 22: expected the end after all entities, got "2 0 0 0 1 1 0 1 1 0"/,
  ],
  [
    "announces too many entities",
    "4.1",
    "2 4 2 0\n1",
    "2 4 3 0\n1",
    /\$Entities, line 20: expected 3 surfaces, got 2 lines to the end of the section/,
  ],
  [
    "has a curve short of a group",
    "4.1",
    "1 1 2 1 -2\n2",
    "3 1 2 1 -2\n2",
    /\$Entities, line 17: expected number, box and groups of curve 1 of 4, got 12 numbers/,
  ],
  [
    "announces too many nodes in a block",
    "4.1",
    "0 1 0 2\n30",
    "0 1 0 3\n30",
    /\$Nodes, line 29: expected number of node 3 of 3, got "0 0 0"/,
  ],
  [
    "announces too few nodes in a block",
    "4.1",
    "0 1 0 2\n30",
    "0 1 0 1\n30",
    /\$Nodes, line 28: expected x y z of node 1 of 1, got "3"/,
  ],
  [
    "announces another number of nodes",
    "4.1",
    "3 5 3 1",
    "3 6 3 1",
    /expected 6 nodes as announced, got 5 in the blocks/,
  ],
  ["announces too many blocks of nodes", "4.1", "3 5 3 1", "4 5 3 1", /block 4 of 4, got the end of the section/],
  [
    "announces too few blocks of nodes",
    "4.1",
    "3 5 3 1",
    "2 5 3 1",
    /line 36: expected the end after 2 blocks, got "2 1 0 1"/,
  ],
  [
    "announces another number of elements",
    "4.1",
    "7 9 1 9",
    "7 8 1 9",
    /expected 8 elements as announced, got 9 in the blocks/,
  ],
  [
    "announces too many elements in a block",
    "4.1",
    "2 2 2 2\n8",
    "2 2 2 3\n8",
    /\$Elements, line 58: expected 3 elements, got 2 lines to the end/,
  ],
  ["has quadrangles in a block", "4.1", "2 2 2 2\n8", "2 2 3 2\n8", /\$Elements, line 58.*got quadrangles/],
];
for (const [what, version, from, to, message] of damaged) {
  test(`a file of version ${version} that ${what} is answered`, () => {
    assert.match(
      messageOf(() => gmsh(changed(version, from, to))),
      message,
    );
  });
}

const wrong: readonly [what: string, given: unknown, message: RegExp][] = [
  ["nothing", undefined, /expected the text of a \.msh file, got undefined; read it as text/],
  ["bytes", new Uint8Array(3), /read it as text \(utf8\)/],
  ["the name of a file", "mesh/plate.msh", /the name of one, "mesh\/plate\.msh"; read it first/],
  ["an empty text", "", /begins with \$MeshFormat, got an empty text/],
  ["a file of version 1", "$NOD\n1\n1 0 0 0\n$ENDNOD\n", /expected version 4\.1 or 2\.2, got version 1/],
  [
    "another format",
    "solid plate\nfacet\n",
    /line 1: expected "\$MeshFormat", with which a \.msh file begins, got "solid plate"/,
  ],
  [
    "a binary file",
    "$MeshFormat\n4.1 1 8\n\u0001\u0000\u0000\u0000\n$EndMeshFormat\n$Nodes\n\u0000",
    /got a binary one/,
  ],
];
for (const [what, given, message] of wrong) {
  test(`${what} as the text of a file is refused`, () => {
    assert.match(
      messageOf(() => gmsh(given as string)),
      message,
    );
  });
}

test.run();
