// The READMEs' examples are programs: each runs as it stands and prints what the README says.
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { examplesIn, readmeExamples } from "../scripts/lib/readme.js";
import { root } from "../scripts/lib/repository.js";
import { bundle } from "../scripts/run-typescript.mjs";

const examples = readmeExamples();

describe.runIf(examples.length > 0)("README examples run", () => {
  test.each(examples)("$where", async ({ code, output }) => {
    const stdin = { contents: code, loader: "ts", resolveDir: root, sourcefile: "readme-example.ts" } as const;
    const main = await bundle({ stdin });
    const result = spawnSync(process.execPath, ["--enable-source-maps", main], { encoding: "utf8", cwd: root });
    expect(result.stderr).toBe("");
    expect(result.status).toBe(0);
    if (output !== undefined) expect(result.stdout.trim()).toBe(output.trim());
  });
});

test("an example is found with its line and the output that follows it", () => {
  const markdown = "# Title\n\n```ts\nlog(1);\n```\n\n```text\n1\n```\n\n```sh\nnpm test\n```\n```ts\nlog(2);\n```\n";
  expect(examplesIn("README.md", markdown)).toEqual([
    { where: "README.md:3", code: "log(1);\n", output: "1\n" },
    { where: "README.md:14", code: "log(2);\n", output: undefined },
  ]);
});
