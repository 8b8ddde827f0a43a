/** The oscillator: its displacement over time. */
import { displacement, OSCILLATOR_TIMES } from "../../problems/oscillator.ts";
import { overTime } from "./over-time.ts";

const TIMES = Array.from({ length: 201 }, (_, k) => k / 20);

/** Displacements of a damped oscillator. */
export const oscillator = overTime({
  title: "The motion",
  text: "Displacement without noise: the median, and the bands that contain 50 and 90 % of the draws.",
  D: 4,
  M: OSCILLATOR_TIMES.length,
  times: TIMES,
  label: "t (s)",
  curves: (theta) => displacement(theta, TIMES, 200),
  tracks: [
    {
      title: "Displacement x(t) and its data",
      label: "x (m)",
      columns: TIMES.map((_, k) => k),
      times: OSCILLATOR_TIMES,
      data: OSCILLATOR_TIMES.map((_, k) => k),
    },
  ],
});
