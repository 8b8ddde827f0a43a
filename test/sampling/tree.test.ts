// The doubling of trajectories: the checks made leaf by leaf must be those of the recursive definition over whole subtrees.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Tree } from "../../src/sampling/tree.ts";
import { generator } from "../helpers/random.ts";

type Vector = readonly number[];
const sum = (vectors: readonly Vector[]): Vector => vectors.reduce((a, b) => a.map((x, i) => x + b[i]));
const turns = (first: Vector, last: Vector, rho: Vector): boolean => {
  const along = (p: Vector): number => p.reduce((s, x, i) => s + x * rho[i], 0);
  return !(along(first) > 0 && along(last) > 0);
};

/** Whether momenta in the order of time turn, as a whole or across their halves. */
function criterion(p: readonly Vector[]): boolean {
  if (p.length < 2) return false;
  const [left, right] = [p.slice(0, p.length / 2), p.slice(p.length / 2)];
  const [first, last] = [p[0], p[p.length - 1]];
  return (
    turns(first, last, sum(p)) ||
    turns(first, right[0], sum([...left, right[0]])) ||
    turns(left[left.length - 1], last, sum([left[left.length - 1], ...right]))
  );
}
const turned = (p: readonly Vector[]): boolean =>
  p.length > 1 && (criterion(p) || turned(p.slice(0, p.length / 2)) || turned(p.slice(p.length / 2)));

/** Momenta at every time: turning slowly, at a rate of its own, with a fast vibration on top. */
function path(seed: number): (time: number) => Vector {
  const next = generator(seed);
  const [slow, fast, size, phase] = [0.02 + 0.3 * next(), 1 + 2 * next(), 1.2 * next(), 6 * next()];
  return (t) => [Math.cos(slow * t + phase), Math.sin(slow * t + phase), size * Math.cos(fast * t), size * Math.sin(t)];
}

test("trajectories end at the leaf at which the recursive definition first finds a turn", () => {
  const depths = new Map<number, number>();
  for (let seed = 0; seed < 400; seed++) {
    const p = path(seed);
    const next = generator(1000 + seed);
    const tree = new Tree(4, 8);
    tree.draw.p.set(p(0));
    tree.begin();
    let [from, to] = [0, 0];
    for (let ended = false; !ended; ) {
      const direction = next() < 0.5 ? 1 : -1;
      const size = to - from + 1;
      const start = direction > 0 ? to : from;
      tree.turnTo(direction);
      // Leaves of the new half in the order in which they are walked; a prefix of it that holds a whole subtree is asked.
      const times: number[] = [];
      let expected = "walk";
      while (expected === "walk") {
        const time = start + direction * (times.length + 1);
        times.push(time);
        const n = times.length;
        let turn = false;
        for (let block = 2; n % block === 0 && block <= size; block *= 2)
          turn ||= criterion([...times.slice(n - block)].sort((a, b) => a - b).map(p));
        if (turn) expected = "end";
        else if (n === size) {
          const all = [Math.min(from, ...times), Math.max(to, ...times)];
          const line = Array.from({ length: 2 * size }, (_, i) => p(all[0] + i));
          assert.not(turned([...times].sort((a, b) => a - b).map(p)));
          expected = criterion(line) || tree.depth === 7 ? "end" : "double";
          [from, to] = all;
        }
        tree.leaf.p.set(p(time));
        tree.leaf.weight = 0;
        assert.is(
          tree.take(() => 0.5),
          expected,
          `seed ${seed}, leaf ${n} of ${size}`,
        );
      }
      ended = expected === "end";
    }
    depths.set(tree.depth, (depths.get(tree.depth) ?? 0) + 1);
  }
  assert.ok(depths.size >= 5, `${[...depths]}`); // shallow and deep ones were among them
});

test("a leaf is drawn in proportion to its weight within a new half, and a half by its ratio to the rest", () => {
  // Straight paths never turn. Weights of the leaves after 0: log 1, 2, 3, … .
  const counts = new Map<number, number>();
  const next = generator(3);
  const N = 40_000;
  for (let i = 0; i < N; i++) {
    const tree = new Tree(1, 2);
    tree.draw.p[0] = 1;
    tree.draw.z[0] = 0;
    tree.begin();
    let outcome = "double";
    let time = 0;
    while (outcome !== "end") {
      if (outcome === "double") tree.turnTo(1);
      time++;
      tree.leaf.p[0] = 1;
      tree.leaf.z[0] = time;
      tree.leaf.weight = Math.log(1 + time / 4);
      outcome = tree.take(next);
    }
    counts.set(tree.draw.z[0], (counts.get(tree.draw.z[0]) ?? 0) + 1);
  }
  // Depth 1: leaf 1 (5/4) against 0 (1): taken. Depth 2: leaves 2, 3 (6/4 + 7/4) against 9/4: taken, 2 with 6/13.
  assert.equal([...counts.keys()].sort(), [2, 3]);
  const share = (counts.get(2) as number) / N;
  assert.ok(Math.abs(share - 6 / 13) < 4.5 * Math.sqrt(((6 / 13) * (7 / 13)) / N), `${share}`);
});

test("an energy error of more than 1000, or one that is no number, ends a trajectory as divergent", () => {
  for (const weight of [-1001, Number.NaN, Number.NEGATIVE_INFINITY]) {
    const tree = new Tree(1, 5);
    tree.draw.p[0] = 1;
    tree.draw.z[0] = 7;
    tree.begin();
    tree.turnTo(1);
    tree.leaf.z[0] = 8;
    tree.leaf.weight = weight;
    assert.is(
      tree.take(() => 0),
      "end",
    );
    assert.ok(tree.divergent && tree.draw.z[0] === 7 && tree.acceptance === 0);
  }
});

test.run();
