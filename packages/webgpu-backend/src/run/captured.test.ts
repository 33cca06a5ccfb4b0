// Recordings give way to what they hold, so that one pass and its time stamps span all of it.

import type { Executable, Launch } from "@torchium/tensor/backend";
import { expect, it } from "vitest";
import { CapturedExecutable, unrecorded } from "./captured.js";

const launchOf = (label: string, executable: Executable = { key: label }): Launch => ({
  ...{ executable, sizes: [1], operands: [], scalars: [], stage: 0, label },
});
const [a, b, c] = ["a", "b", "c"].map((label) => launchOf(label)) as [Launch, Launch, Launch];
const recordingOf = (...launches: Launch[]): Launch => launchOf("recording", new CapturedExecutable(launches));

it("puts the launches of recordings in their places", () => {
  expect(unrecorded([a, recordingOf(b, recordingOf(c, a)), b])).toEqual([a, b, c, a, b]);
});

it("keeps lists that it need not join, for which everything is ready", () => {
  const plain = [a, b];
  expect(unrecorded(plain)).toBe(plain);
  const recording = recordingOf(a, b);
  expect(unrecorded([recording])).toBe((recording.executable as CapturedExecutable).launches);
});
