/** A tiltmeter in place of a real one: the structure leans by 1 mrad within a second, after half of the time. */
export const RATE = 100; // readings in a second

/** Numbers between 0 and 1 (Park & Miller, Comm. ACM 31 (1988)). */
function uniforms(seed) {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** The readings of each of some seconds, mrad; null where one dropped out. */
export function* seconds(count, seed = 1) {
  const random = uniforms(seed);
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  for (let second = 0; second < count; second++) {
    const fault = random() < 0.2; // the radio fails for most of a second
    yield Array.from({ length: RATE }, (_, i) => {
      const tilt = Math.min(Math.max(second + i / RATE - count / 2, 0), 1);
      if (random() < (fault ? 0.7 : 0.05)) return null;
      return tilt + 0.8 * normal() + (random() < 0.02 ? 20 * normal() : 0);
    });
  }
}
