/** Shared by the tests of meshes and .msh files. */
import { readFileSync } from "node:fs";

export const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** The unit square of four triangles around its centre, by hand: numbers sparse and unordered, one group unnamed. */
export const BY_HAND = {
  "4.1": `$MeshFormat
4.1 0 8
$EndMeshFormat
$Comments
$Nodes are below
$EndComments
$PhysicalNames
3
1 1 "left"
1 2 "the other sides"
2 1 "plate"
$EndPhysicalNames
$Entities
2 4 2 0
1 0 0 0 0
2 1 0 0 1 77
1 0 0 0 0 1 0 1 1 2 1 -2
2 0 0 0 1 0 0 2 2 9 2 1 -2
3 1 0 0 1 1 0 1 -2 2 1 -2
4 0 1 0 1 1 0 1 2 0
1 0 0 0 1 1 0 1 1 4 1 2 3 4
2 0 0 0 1 1 0 1 1 0
$EndEntities
$Nodes
3 5 3 1000000000000
0 1 0 2
30
3
0 0 0
1 0 0
1 2 1 2
7
8
1 1 0 0.5
0 1 0 0.25
2 1 0 1
1000000000000
0.5 5e-1 0.
$EndNodes
$Unheard
of
$EndUnheard
$Elements
7 9 1 9
0 1 15 1
1 30
1 1 1 1
2 30 8
1 2 1 1
3 30 3
1 3 1 1
4 7 3
1 4 1 1
5 8 7
2 1 2 2
6 30 3 1000000000000
7 3 7 1000000000000
2 2 2 2
8 7 1000000000000 8
9 8 1000000000000 30
$EndElements
`,
  "2.2": `$MeshFormat
2.2 0 8
$EndMeshFormat
$PhysicalNames
3
1 1 "left"
1 2 "the other sides"
2 1 "plate"
$EndPhysicalNames
$Nodes
5
30 0 0 0
3 1 0 0
7 1 1 0
8 0 1 0
1000000000000 0.5 0.5 0
$EndNodes
$Elements
10
1 15 2 0 1 30
2 1 2 1 1 30 8
3 1 2 2 2 30 3
13 1 2 9 2 30 3
4 1 2 2 3 3 7
5 1 3 2 4 0 7 8
6 2 2 1 1 30 3 1000000000000
7 2 2 1 1 3 7 1000000000000
8 2 2 1 2 7 1000000000000 8
9 2 2 1 2 8 1000000000000 30
$EndElements
`,
};
export type Version = keyof typeof BY_HAND;
export const versions = ["4.1", "2.2"] as const;
