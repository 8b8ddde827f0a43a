// A problem of your own: a damped pendulum is filmed, and its angle is read off twenty frames, sometimes wrongly.
//   y(t) = a exp(−d t) cos(2π f t) + noise        retrodict train examples/pendulum.js --out pendulum.safetensors
import { defineProblem, logNormal, product, studentNoise, uniform } from "retrodict";
import { cos, exp, mul, neg, split } from "retrodict/ops";

const times = Array.from({ length: 20 }, (_, i) => 0.3 * i); // s

export default defineProblem({
  name: "pendulum",
  description: "frequency, damping and amplitude of a pendulum, from its angle in twenty frames",
  parameters: [
    ["frequency", "Hz"],
    ["damping", "1/s"],
    ["amplitude", "deg"],
  ].map(([name, unit]) => ({ name, unit })),
  prior: product(logNormal(-0.7, 0.3), logNormal(-1.6, 0.5), uniform(5, 30)), // medians 0.5 Hz and 0.2 per second
  forward: (theta) => {
    const [frequency, damping, amplitude] = split(theta); // (B, 1) each
    const swing = cos(mul(mul(frequency, 2 * Math.PI), times)); // (B, 20)
    return mul(mul(amplitude, exp(neg(mul(damping, times)))), swing);
  },
  noise: studentNoise({ scale: 1, degrees: 3 }), // deg; heavy tails reduce the effect of a misread frame
});
