/** The epidemic: the share of the infected over time. */
import { infected, SIR_DAYS, SIR_TESTED } from "../../problems/sir.ts";
import { overTime } from "./over-time.ts";

const DAYS = Array.from({ length: 161 }, (_, k) => k);

/** Shares of the infected in an epidemic. */
export const sir = overTime({
  title: "The epidemic",
  text: "Share of the infected: the median, and the bands that contain 50 and 90 % of the draws.",
  D: 2,
  M: SIR_DAYS.length,
  times: DAYS,
  label: "day",
  curves: (theta) => infected(theta, DAYS, 320),
  tracks: [
    {
      title: "Infected and the shares that were counted",
      label: "share of the infected",
      columns: DAYS,
      times: SIR_DAYS,
      data: SIR_DAYS.map((_, k) => k),
      scaled: (count) => count / SIR_TESTED,
    },
  ],
});
