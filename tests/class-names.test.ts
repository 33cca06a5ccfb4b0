// Built code must call a class what its source calls it.
import { transform } from "esbuild";
import { expect, test, vi } from "vitest";
import { keepClassNames } from "../scripts/class-names.mjs";
import { bundle } from "../scripts/run-typescript.mjs";

test("a class that mentions itself keeps its name in a bundle", async () => {
  const contents = [
    "class Base {}",
    "export class Adam extends Base { static rule = 1; #_Adam = 2; twice() { return Adam.rule * this.#_Adam; } }",
    "console.log(Adam.name, new Adam().twice(), new Adam() instanceof Base);",
  ].join("\n");
  const main = await bundle({ stdin: { contents, loader: "ts", resolveDir: "." } });
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  await import(main);
  expect(log.mock.calls).toEqual([["Adam", 2, true]]);
  log.mockRestore();
});

test("nothing else that starts with an underscore is touched", async () => {
  const code =
    'var Adam = class _Adam {\n  static x = _Adam.y;\n};\nvar a = b._Adam + _Adamant;\nvar _other = "_Other";\n';
  const kept = keepClassNames(code);
  expect(kept).toBe(code.replace("class _Adam", "class Adam").replace("= _Adam.y", "= Adam.y"));
  await expect(transform(kept)).resolves.toBeDefined();
  expect(keepClassNames("var x = 1;")).toBe("var x = 1;");
});
