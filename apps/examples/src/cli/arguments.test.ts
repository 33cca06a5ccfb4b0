import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { defineExample } from "../example.js";
import { lineExample } from "../testing/fixtures.js";
import { parseArguments } from "./arguments.js";
import { integer } from "./option.js";

const gpt = defineExample({
  name: "gpt",
  title: "stands for the default example",
  data: "a text",
  options: {},
  useOptions: {},
  train: async () => {},
  use: async () => {},
});
const examples = [gpt, lineExample];
const parse = (line: string) => parseArguments(line.split(" ").filter(Boolean), examples, "/somewhere");

describe("parseArguments", () => {
  it("runs gpt's training when nothing is said", () => {
    const { example, command, options, given } = parse("");
    expect(example.name).toBe("gpt");
    expect(command).toBe("train");
    expect(options).toMatchObject({ backend: "cpu", seed: 1337, accumulate: 1, steps: undefined, out: undefined });
    expect(given.size).toBe(0);
  });

  it("reads own and shared options, in any order and in both spellings", () => {
    const { example, options, given } = parse("line --batch-size=8 --steps 100 --lr 1e-2 --backend cuda");
    expect(example.name).toBe("line");
    expect(options).toMatchObject({ batchSize: 8, steps: 100, lr: 0.01, backend: "cuda", slope: 3 });
    expect([...given].sort()).toEqual(["backend", "batchSize", "lr", "steps"]);
  });

  it("takes paths from the folder it was started in", () => {
    expect(parse("line --data x.txt").options.data).toBe(resolve("/somewhere", "x.txt"));
    expect(parse("line --data /y.txt").options.data).toBe(resolve("/y.txt"));
    expect(parse("line --blas ./libx.so").options.blas).toBe(resolve("/somewhere", "libx.so"));
    expect(parse("line --blas libx.so.0").options.blas).toBe("libx.so.0");
  });

  it("takes negative numbers as values", () => {
    expect(parse("line --slope -2").options.slope).toBe(-2);
  });

  it("reads use with its options and words", () => {
    const { command, options, words } = parse("line use --form long --from runs/a 1.5 2");
    expect(command).toBe("use");
    expect(options).toMatchObject({ form: "long", from: resolve("/somewhere/runs/a") });
    expect(words).toEqual(["1.5", "2"]);
    expect(parse("use").example.name).toBe("gpt");
    expect(parse("line use -- --not-an-option").words).toEqual(["--not-an-option"]);
  });

  it("knows what help is asked for, whatever else is wrong with the words", () => {
    expect(parse("--help").help).toBe("overview");
    expect(parse("-h").help).toBe("overview");
    expect(parse("line --help").help).toBe("example");
    expect(parse("line use --help").command).toBe("use");
    expect(parse("line --steps 5").help).toBe("none");
  });

  it.each([
    ["lime", 'example: no example is called "lime", did you mean line?'],
    ["zebra --steps 5", 'example: no example is called "zebra", expected one of gpt, line'],
    ["line --stpes 5", "--stpes: no such option, did you mean --steps?"],
    ["gpt --batch-size 5", "--batch-size: no such option"],
    ["line use --steps 5", "--steps: no such option"],
    ["line --seed", "--seed: needs a value, got nothing, expected a whole number from 0 to 4294967295"],
    ["line --out --steps 5", "--out: needs a value, got --steps, expected a path"],
    ["line --help=no", '--help: takes no value, got "no"'],
    ["line --steps 0", '--steps: expected a whole number of at least 1, got "0"'],
    ["line --threads 1.5", '--threads: expected a whole number from 1 to 256, got "1.5"'],
    ["line --backend gpu", '--backend: expected one of cpu, cuda, webgpu, got "gpu"'],
    ["line sue", 'line: unexpected word "sue", did you mean use?'],
    ["line --steps 5 more", 'line: unexpected word "more", expected options only'],
    ["gpt use hello", 'gpt use: unexpected word "hello", expected options only'],
  ])("%s → %s", (line, message) => {
    expect(() => parse(line)).toThrow(message);
    expect(() => parse(line)).toThrow(expect.objectContaining({ code: "argument" }));
  });
});

describe("defineExample", () => {
  it("refuses a malformed name and an option that is shared already", () => {
    expect(() => defineExample({ ...gpt, name: "use" })).toThrow("name must be");
    expect(() => defineExample({ ...gpt, name: "My Example" })).toThrow("name must be");
    const again = { steps: integer({ help: "" }) };
    expect(() => defineExample({ ...gpt, options: again })).toThrow("declares shared options again, got --steps");
  });
});
