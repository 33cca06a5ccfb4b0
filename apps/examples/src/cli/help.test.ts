import { describe, expect, it } from "vitest";
import { lineExample } from "../testing/fixtures.js";
import { exampleHelp, overviewHelp } from "./help.js";
import { optionFlag, text } from "./option.js";
import { sharedTrainOptions, sharedUseOptions } from "./shared-options.js";

describe("help", () => {
  it("lists every example and every shared option", () => {
    const help = overviewHelp([lineExample], "npm start --");
    expect(help).toMatch(/^ {2}line +a line through noisy points$/m);
    for (const name of [...Object.keys(sharedTrainOptions), ...Object.keys(sharedUseOptions)]) {
      expect(help).toContain(optionFlag(name));
    }
    expect(help).toContain("--backend cpu|cuda|webgpu");
  });

  it("shows a default that is only a line break", () => {
    const start = text({ help: "text to continue", default: "\n" });
    const help = exampleHelp({ ...lineExample, useOptions: { start } }, "use", "npm start --");
    expect(help).toContain('text to continue (default "\\n")');
  });

  it("derives name, placeholder, meaning, range and default from the declaration", () => {
    const help = exampleHelp(lineExample, "train", "npm start --");
    expect(help).toContain("Usage: npm start -- line [options]");
    expect(help).toMatch(/^ {2}--slope X +slope to find \(a number from -10 to 10; default 3\)$/m);
    expect(help).toMatch(/^ {2}--batch-size N +points a step \(a whole number of at least 1; default 4\)$/m);
    expect(help).toMatch(/^ {2}--data PATH +nothing \(points are made up\)$/m);
    expect(help).toMatch(/^ {2}--help +print this help$/m);
  });

  it("says what use takes", () => {
    const help = exampleHelp(lineExample, "use", "npm start --");
    expect(help).toContain("Usage: npm start -- line use [options] [words]");
    expect(help).toContain("words: values of x to predict for");
    expect(help).toMatch(/^ {2}--form short\|long +how to print the result \(default short\)$/m);
    expect(help).not.toContain("--steps");
  });

  it("keeps lines short", () => {
    const texts = [overviewHelp([lineExample], "npm start --"), exampleHelp(lineExample, "train", "npm start --")];
    for (const line of texts.join("\n").split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });
});
