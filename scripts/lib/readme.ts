// The examples in the READMEs: every ```ts block is a program that must compile and run.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { publishedPackages, root } from "./repository.js";

/** One example of a README. */
export interface ReadmeExample {
  /** Where it stands: `packages/optim/README.md:12`. */
  readonly where: string;
  readonly code: string;
  /** The ```text block right after it, when there is one: what the program must print. */
  readonly output: string | undefined;
}

/** The examples in the Markdown text `markdown` of the file `path`. */
export function examplesIn(path: string, markdown: string): readonly ReadmeExample[] {
  const block = /^```ts\n([\s\S]*?)^```$(?:\s*^```text\n([\s\S]*?)^```$)?/gm;
  return [...markdown.replaceAll("\r\n", "\n").matchAll(block)].map((match) => ({
    where: `${path}:${markdown.slice(0, match.index).split("\n").length}`,
    code: match[1] as string,
    output: match[2],
  }));
}

/** Every example of the root README and of the published packages' READMEs. */
export function readmeExamples(): readonly ReadmeExample[] {
  const paths = ["README.md", ...publishedPackages().map(({ folder }) => `${folder}/README.md`)];
  return paths
    .filter((path) => existsSync(join(root, path)))
    .flatMap((path) => examplesIn(path, readFileSync(join(root, path), "utf8")));
}
