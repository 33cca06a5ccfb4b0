import { expect, it } from "vitest";
import { i32, ModuleBuilder } from "./assembler.js";

it("a local that a loop reads with its very first instruction lives to the end of the loop", () => {
  const module = new ModuleBuilder();
  module.function({ params: { n: "i32" }, result: "i32", export: "sum" }, (f, { n }) => {
    const step = f.local("i32", i32.mul(n, 7));
    const [i, sum] = [f.local("i32", 0), f.local("i32", 0)];
    f.loop((again) => {
      const read = f.local("i32", step);
      // Would take the slot of `step`, were that free from here on.
      const other = f.local("i32", i32.add(read, 1));
      f.increment(sum, other);
      f.increment(i, 1);
      f.brIf(again, i32.ltS(i, n));
    });
    f.return(sum);
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.finish()));
  expect((exports.sum as (n: number) => number)(5)).toBe(5 * (35 + 1));
});
