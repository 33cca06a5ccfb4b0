import { describe, expect, it } from "vitest";
import { terminalOf } from "../cli/terminal.js";
import { RecordingTerminal } from "../testing/fixtures.js";
import { ProgressDisplay, type ProgressState } from "./progress-display.js";

const state: ProgressState = {
  step: 1240,
  steps: 2000,
  unit: "tokens",
  loss: 1.6234,
  validationLoss: 1.8812,
  tokensPerSecond: 28_412,
  secondsLeft: 42,
  memoryBytes: 412e6,
};

function display(settings: ConstructorParameters<typeof RecordingTerminal>[0]) {
  const terminal = new RecordingTerminal(settings);
  const clock = { ms: 0 };
  return { terminal, clock, display: new ProgressDisplay(terminal, () => clock.ms) };
}

describe("on a terminal", () => {
  it("rewrites one line", () => {
    const { terminal, clock, display: shown } = display({ live: true, columns: 120 });
    shown.update(state);
    clock.ms = 200;
    shown.update({ ...state, step: 1241 });
    shown.end();
    const [, first, second] = terminal.text.split("\r\x1b[2K");
    expect(first).toBe(
      "1240/2000  62 %  ━━━━━━━━━━━━━━━─────────  loss 1.6234  validation 1.8812  0:42 left  28.4k tokens/s  412 MB",
    );
    expect(second).toContain("1241/2000");
    expect(terminal.text.match(/\n/g)).toHaveLength(1);
  });

  it("draws at most ten times a second, unless forced", () => {
    const { terminal, clock, display: shown } = display({ live: true });
    for (clock.ms = 0; clock.ms < 1000; clock.ms += 10) shown.update(state);
    expect(terminal.text.split("\r").length - 1).toBe(10);
    shown.update(state, true);
    expect(terminal.text.split("\r").length - 1).toBe(11);
  });

  it.each([120, 100, 80, 60, 40, 20])("fits into %i columns, the loss first", (columns) => {
    const { terminal, display: shown } = display({ live: true, columns });
    shown.update(state);
    const line = terminal.text.replace("\r\x1b[2K", "");
    expect(line.length).toBeLessThan(columns);
    expect(line.startsWith("1240/2000")).toBe(true);
    if (columns >= 40) expect(line).toContain("loss 1.6234");
  });

  it("measures the text, not the colour codes", () => {
    const { terminal, display: shown } = display({ live: true, colour: true, columns: 80 });
    const plain = display({ live: true, columns: 80 });
    shown.update(state);
    plain.display.update(state);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with one.
    expect(terminal.text.replace(/\x1b\[\d+m/g, "")).toBe(plain.terminal.text);
    expect(terminal.text).toContain("\x1b[1m1240/2000");
  });

  it("says how far an evaluation is", () => {
    const { terminal, display: shown } = display({ live: true });
    shown.update({ step: 4, steps: 4, unit: "tokens", evaluation: { name: "test", done: 3, of: 12 }, loss: 1 });
    expect(terminal.text).toContain("4/4  100 %  ");
    expect(terminal.text).toContain("  test batch 3/12  loss 1.0000");
  });

  it("prints notes above the line", () => {
    const { terminal, display: shown } = display({ live: true });
    shown.update(state);
    const line = terminal.text.slice("\r\x1b[2K".length);
    terminal.text = "";
    shown.note("step 1240  validation: loss 1.8812");
    expect(terminal.text).toBe(`\r\x1b[2Kstep 1240  validation: loss 1.8812\n${line}`);
  });
});

describe("elsewhere", () => {
  it("prints whole lines, every five seconds and when forced", () => {
    const { terminal, clock, display: shown } = display({ live: false });
    shown.update(state);
    clock.ms = 4000;
    shown.update({ ...state, step: 1300 });
    clock.ms = 5000;
    shown.update({ step: 1400, steps: 2000, unit: "tokens" });
    shown.update({ step: 2000, steps: 2000, unit: "tokens" }, true);
    shown.note("done");
    shown.end();
    expect(terminal.text).toBe(
      [
        "step 1240/2000  loss 1.6234  validation 1.8812  0:42 left  28.4k tokens/s  412 MB",
        "step 1400/2000",
        "step 2000/2000",
        "done",
        "",
      ].join("\n"),
    );
  });
});

describe("terminalOf", () => {
  const stream = (isTTY: boolean) => ({ isTTY, columns: 90, write: () => true });
  it.each([
    ["a terminal", true, {}, true],
    ["a pipe", false, {}, false],
    ["CI", true, { CI: "true" }, false],
    ["NO_COLOR", true, { NO_COLOR: "1" }, false],
    ["an empty NO_COLOR, which means nothing", true, { NO_COLOR: "" }, true],
    ["a dumb terminal", true, { TERM: "dumb" }, false],
  ])("%s", (_, isTTY, env, live) => {
    expect(terminalOf(stream(isTTY), env)).toMatchObject({ live, colour: live, columns: 90 });
  });
});
