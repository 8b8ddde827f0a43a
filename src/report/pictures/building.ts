/** The building: accelerations of its floors over time. */
import { accelerations, BUILDING_TIMES, FLOORS } from "../../problems/building.ts";
import { overTime } from "./over-time.ts";

const TIMES = Array.from({ length: 200 }, (_, k) => (k + 1) / 50);

/** Accelerations of the floors of a building in an earthquake. */
export const building = overTime({
  title: "The building",
  text: "Acceleration of each floor without noise: the median, and the bands that contain 50 and 90 % of the draws.",
  D: FLOORS + 2,
  M: FLOORS * BUILDING_TIMES.length,
  times: TIMES,
  label: "t (s)",
  curves: (theta) => accelerations(theta, TIMES, 400),
  tracks: Array.from({ length: FLOORS }, (_, floor) => ({
    title: `Floor ${floor + 1} and its data`,
    label: "acceleration (m/s²)",
    columns: TIMES.map((_, k) => floor * TIMES.length + k),
    times: BUILDING_TIMES,
    data: BUILDING_TIMES.map((_, k) => floor * BUILDING_TIMES.length + k),
  })),
});
