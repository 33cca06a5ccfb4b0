// The size check measures something, and says which bundle is too large.
import { expect, test } from "vitest";
import { bundleKilobytes, oversizedBundles } from "./bundle-size.js";

test("a bundle over its budget is named with both sizes", async () => {
  const packages = ["@torchium/tensor"];
  const size = await bundleKilobytes({ packages });
  expect(size).toBeGreaterThan(0.1);
  expect(await oversizedBundles([{ packages, kilobytes: size + 1 }])).toEqual([]);
  expect(await oversizedBundles([{ packages, kilobytes: 0.1 }])).toEqual([
    `@torchium/tensor: ${size.toFixed(1)} kB, the budget is 0.1 kB`,
  ]);
});

test("a package that does not bundle for browsers is an error", async () => {
  await expect(bundleKilobytes({ packages: ["@torchium/not-there"] })).rejects.toThrow("@torchium/not-there");
});

test("a page that only runs on a GPU can leave the CPU backend out", async () => {
  const packages = ["@torchium/tensor"];
  const [whole, part] = [await bundleKilobytes({ packages }), await bundleKilobytes({ packages, withoutCpu: true })];
  expect(part).toBeLessThan(0.7 * whole);
});
