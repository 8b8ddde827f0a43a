/** Prey and predators over time. */
import { LOTKA_DAYS, populations } from "../../problems/lotka-volterra.ts";
import { overTime } from "./over-time.ts";

const DAYS = Array.from({ length: 101 }, (_, k) => k / 5);

/** One of the two species: the first is the prey. */
const species = (title: string, which: number) => ({
  title,
  label: "number",
  log: true,
  columns: DAYS.map((_, k) => DAYS.length * which + k),
  times: LOTKA_DAYS,
  data: LOTKA_DAYS.map((_, k) => LOTKA_DAYS.length * which + k),
});

/** Populations of two species. */
export const lotkaVolterra = overTime({
  title: "The populations",
  text: "Numbers of both species (logarithmic scale): the median, and the bands that contain 50 and 90 % of the draws.",
  D: 4,
  M: 2 * LOTKA_DAYS.length,
  times: DAYS,
  label: "day",
  curves: (theta) => populations(theta, DAYS, 400),
  tracks: [species("Prey and its data", 0), species("Predators and their data", 1)],
});
