/** The licences of the npm packages whose code is in dist/: they require that their text travels with the code. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const modules = fileURLToPath(new URL("../node_modules", import.meta.url));

/** Packages that are published without their licence: the package of the same project that holds it. */
const publishedWith: Readonly<Record<string, string>> = { "@assemblyscript/loader": "assemblyscript" };

/** The texts of a package's files whose names match. */
const textsOf = (folder: string, name: RegExp): string[] =>
  readdirSync(folder)
    .filter((file) => name.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8").trim());

const licencesOf = (folder: string): string[] => textsOf(folder, /^(licen[cs]e|copying)/i);

/** Name, version, licence and notice of an installed package. @throws when neither it nor its project has a licence text. */
function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const project = publishedWith[name];
  const holder = project !== undefined && licencesOf(folder).length === 0 ? join(modules, project) : folder;
  const licences = licencesOf(holder);
  if (licences.length === 0)
    throw new Error(
      `${name} ${version}: expected a file with its licence (${license}), got none; scripts/notices.ts may name a package that has it`,
    );
  return [`${name} ${version} (${license})`, ...licences, ...textsOf(holder, /^notice/i)].join("\n\n");
}

/** The text of THIRD-PARTY.txt for the packages in these folders. @throws when one of them has no licence text. */
export function thirdPartyNotices(folders: Iterable<string>): string {
  const notices = [...new Set(folders)].sort().map(noticeOf);
  return `${notices.join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}
