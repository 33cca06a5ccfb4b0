// Tests that need the emulator, or one skipped test that says why they cannot run here.

import { afterAll, describe, it } from "vitest";
import { type Emulator, emulatorMissing, openEmulator } from "./emulator.js";

/** `describe` with an emulator. */
export function describeOnEmulator(name: string, body: (emulator: Emulator) => void): void {
  const missing = emulatorMissing();
  describe(name, () => {
    if (missing === undefined) {
      const emulator = openEmulator();
      afterAll(() => emulator.mutate("", ""));
      body(emulator);
      return;
    }
    console.warn(`skipped: ${name}: ${missing}`);
    it.skip(missing, () => {});
  });
}
