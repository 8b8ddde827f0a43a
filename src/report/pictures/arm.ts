/** The arm: fans of postures that explain a measured end point. */
import { colour } from "../svg.ts";
import { fixed } from "../text.ts";
import { fan, viewOf } from "./fan.ts";
import type { Picture } from "./picture.ts";

/** Draws that are shown, and the least height of a view, m. */
const LINES = { learned: 130, exact: 80 };
const HEIGHT = 1.5;

/** Inverse kinematics of a planar arm: base height and three joint angles from the position of its end (arXiv 2305.20004). */
export const arm: Picture = {
  title: "Fans of arms",
  text: "Each thin line is one draw of the arm, from the slide on the left to the end point; solid arms are modes. The spacing of the grid is half a metre.",
  key: [
    [colour("ink"), "a mode"],
    ["", "measured end point", "ring"],
  ],
  fits: ({ D, M }) => D === 4 && M === 2,
  draw: ({ guide, truth, y }, truthName) => {
    const view = viewOf(truth ? [guide, truth] : [guide], { height: HEIGHT });
    const at = `arms whose end is at (${fixed(y[0])} m, ${fixed(y[1])} m)`;
    const common = { view, target: y };
    return [
      {
        title: "guide",
        hue: colour("learned"),
        plots: [fan(guide, { ...common, width: 250, colour: "learned", lines: LINES.learned })],
        description: `Draws of the guide: ${at}`,
      },
      ...(truth
        ? [
            {
              title: truthName,
              hue: colour("exact"),
              plots: [fan(truth, { ...common, width: 250, colour: "exact", lines: LINES.exact })],
              description: `Draws of the ${truthName}: ${at}`,
            },
          ]
        : []),
    ];
  },
};
