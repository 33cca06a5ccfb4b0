// Changesets as the release reads them: packages of this repository with the step of their version, then what changed.
import { readFileSync } from "node:fs";
import { filesUnder, publishedPackages, root } from "../lib/repository.js";

const form = /^---\n((?:"[^"]+": (?:major|minor|patch)\n)+)---\n\n\S/;

/** What is wrong with the text of a changeset; undefined when it is right. */
export function changesetProblem(text: string, packages: ReadonlySet<string>): string | undefined {
  const head = form.exec(text)?.[1];
  if (head === undefined) return 'expected lines of "package": major, minor or patch between ---, then what changed';
  const unknown = [...head.matchAll(/"([^"]+)"/g)].map(([, name]) => name!).find((name) => !packages.has(name));
  return unknown === undefined ? undefined : `${unknown} is no published package`;
}

/** The changesets that a release would stumble over, as `path: why`. */
export function changesetProblems(): readonly string[] {
  const packages = new Set(publishedPackages().map(({ manifest }) => manifest.name));
  return filesUnder(".changeset", (name) => name.endsWith(".md") && !name.endsWith("README.md")).flatMap((path) => {
    const problem = changesetProblem(readFileSync(`${root}/${path}`, "utf8"), packages);
    return problem === undefined ? [] : [`${path}: ${problem}`];
  });
}
