// What a realization that fails leaves behind: nothing that a later one of the same structure would find.

import { expect, it } from "vitest";
import { createReferenceBackend } from "../reference/backend.js";
import { contiguous } from "../shape.js";
import { copyOf } from "./copy-program.js";
import { Device } from "./device.js";
import { leafNode, Node, type Value } from "./node.js";

it("a graph whose sizes cannot be laid out leaves no plan for the next one", async () => {
  const device = new Device(createReferenceBackend());
  const leaf = leafNode([2], "float32", { host: Float32Array.of(1, 2) });
  const copyOver = (size: number): Value => {
    const from = { node: leaf, index: 0, layout: contiguous([size]) };
    const { op } = copyOf({ node: leaf, index: 0 }).node;
    return { node: new Node(op, [size], [from], [{ shape: [size], dtype: "float32" }]), index: 0 };
  };
  expect(() => device.realize([copyOver(Number.NaN)])).toThrow(/copy: no launch over the sizes NaN/);
  const good = copyOver(2);
  device.realize([good]);
  expect([...(await device.read(good))]).toEqual([1, 2]);
});
