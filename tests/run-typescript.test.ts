// Programs run from source as if they were files of their own.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../scripts/lib/repository.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "torchium run "));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function runProgram(files: Readonly<Record<string, string>>, ...args: readonly string[]) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const script = [
    `import { runTypeScript } from ${JSON.stringify(pathToFileURL(join(root, "scripts/run-typescript.mjs")).href)};`,
    `await runTypeScript(${JSON.stringify(join(folder, "program.ts"))}, ${JSON.stringify(args)});`,
  ].join("\n");
  return spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8", cwd: root });
}

test("arguments, module URLs and exit codes are the program's own", () => {
  const result = runProgram(
    {
      "program.ts":
        'import { url } from "./part.js";\nconsole.log(url, process.argv.slice(2).join());\nprocess.exitCode = 7;\n',
      "part.ts": "export const url: string = import.meta.url;\n",
    },
    "a",
    "--b=c d",
  );
  expect(result.stderr).toBe("");
  expect(result.stdout).toBe(`${pathToFileURL(join(folder, "part.ts")).href} a,--b=c d\n`);
  expect(result.status).toBe(7);
});

test("an error's stack names the line of the source", () => {
  const result = runProgram({ "program.ts": 'interface Unused {}\n\nthrow new Error("seen");\n' });
  expect(result.stderr).toContain("Error: seen");
  expect(result.stderr).toMatch(/program\.ts:3:/);
  expect(result.status).toBe(1);
});

test("a package that is not installed fails where it is imported, and can be caught", () => {
  const result = runProgram({
    "program.ts": 'await import("@torchium/not-there").catch(() => console.log("caught"));\n',
  });
  expect(result.stdout).toBe("caught\n");
  expect(result.status).toBe(0);
});
