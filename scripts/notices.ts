/** The licences of the npm packages whose code is in dist/: they require that their text travels with the code. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The texts of a package's files whose names match. */
const textsOf = (folder: string, name: RegExp): string[] =>
  readdirSync(folder)
    .filter((file) => name.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8").trim());

/** Name, version, licence and notice of an installed package. @throws when neither it nor its project has a licence text. */
function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const licences = textsOf(folder, /^(licen[cs]e|copying)/i);
  if (licences.length === 0)
    throw new Error(
      `${name} ${version}: expected a file with its licence (${license}), got none; bundle another package`,
    );
  return [`${name} ${version} (${license})`, ...licences, ...textsOf(folder, /^notice/i)].join("\n\n");
}

/** The text of THIRD-PARTY.txt for the packages in these folders. @throws when one of them has no licence text. */
export function thirdPartyNotices(folders: Iterable<string>): string {
  const notices = [...new Set(folders)].sort().map(noticeOf);
  return `${notices.join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}
