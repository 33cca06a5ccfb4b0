import { TensorError } from "@torchium/tensor/backend";
import { expect, it } from "vitest";
import type { Machine } from "./discovery.js";
import type { Host } from "./host.js";
import { openLibrary } from "./open-library.js";

const machine: Machine = {
  platform: "linux",
  env: { TORCHIUM_CUDA_LIBRARY_PATH: "/mine" },
  home: "/home/me",
  list: () => [],
  output: () => undefined,
};

/** A machine on which loading a file fails, with a reason of its own for some. */
const host = (reasons: Readonly<Record<string, string>>) =>
  ({
    koffi: {
      load: (path: string) => {
        throw new Error(`${reasons[path] ?? "no such file"}\nand more`);
      },
    },
  }) as unknown as Host;

const failureOf = (reasons: Readonly<Record<string, string>>, explicit?: string): TensorError => {
  try {
    openLibrary(host(reasons), machine, "nvrtc", 13, explicit, () => undefined);
  } catch (error) {
    if (TensorError.is(error)) return error;
  }
  return expect.unreachable("it was opened");
};

it("a missing library: each reason is told once, with every place that failed for it", () => {
  const { code, message, details } = failureOf({ "/mine/libnvrtc.so.12": "not for this processor" });
  expect(code).toBe("unsupported");
  const lines = message.split("\n");
  expect(lines.filter((line) => line.includes("no such file"))).toEqual(["  no such file:"]);
  expect(lines).toContain("    /mine/libnvrtc.so.13");
  expect(lines).toContain("    /usr/lib/libnvrtc.so");
  expect(lines).toContain("  /mine/libnvrtc.so.12: not for this processor");
  expect(new Set(lines).size).toBe(lines.length);
  const attempts = details["attempts"] as readonly { path: string }[];
  for (const { path } of attempts) expect(message).toContain(path);
  expect(message).toContain("python3 -m pip install nvidia-cuda-nvrtc");
});

it("a file that was named: its reason alone", () => {
  const { message } = failureOf({}, "/named/libnvrtc.so");
  expect(message).toMatch(/no other place was tried\. Tried:\n {2}\/named\/libnvrtc\.so: no such file$/);
});
