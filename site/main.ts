/** The page: the arm at once, all else when it comes near the screen, then a copy of everything for visits without a network. */
import { setFolders } from "../src/host/folders.ts";
import { startArm } from "./arm.ts";
import { scriptUrl } from "./ask.ts";
import { type Link, type LinkedProblem, parseLink } from "./link.ts";
import { byId } from "./view.ts";

setFolders({ kernels: new URL("./", import.meta.url), models: new URL("../models/", import.meta.url) });

const linked = (): Link | null => parseLink(location.hash);
const followers: Partial<Record<LinkedProblem, (link: Link) => void>> = {};

/** Starts a part of the page when it is nearly on the screen. */
function whenNear(id: string, start: () => Promise<void>): void {
  const observer = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      start().catch((error: Error) => console.error(error));
    },
    { rootMargin: "200px" },
  );
  observer.observe(byId(id));
}

/** What a link asks of a problem; null where it asks another one, or none. */
const askedOf = (problem: LinkedProblem): Link | null => {
  const link = linked();
  return link?.problem === problem ? link : null;
};

addEventListener("hashchange", () => {
  const link = linked();
  if (link === null) return;
  byId(`${link.problem}-figure`).scrollIntoView();
  followers[link.problem]?.(link);
});

followers.arm = (await startArm(askedOf("arm"))).show;
whenNear("plate-figure", async () => {
  followers.plate = (await import("./plate.ts")).startPlate(askedOf("plate"));
});
whenNear("rod-figure", async () => {
  followers.rod = (await import("./rod.ts")).startRod(askedOf("rod"));
});
const first = linked();
if (first && first.problem !== "arm") byId(`${first.problem}-figure`).scrollIntoView();
if ("serviceWorker" in navigator)
  setTimeout(() => navigator.serviceWorker.register(scriptUrl("../offline.js")).catch(() => undefined), 1500);
