// BLEU. Expected values were made in Python from sacreBLEU's definition and by the PyTorch reference's own `bleu`.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { bleuOfTokens, corpusBleu, sentenceBleu } from "./bleu.js";
import { bleuTokenizers } from "./bleu-tokenizer.js";

const hypotheses = ["The cat sat on the mat.", "It's 3.5 degrees, they said - really?", "a b c"];
const references = [
  ["The cat is sitting on the mat.", "There is a cat on the mat."],
  "They said it's 3.5 degrees - really?",
  ["d e f g", "c b a"],
];

describe("13a", () => {
  it.each([
    ["Hello, world!", "Hello , world !"],
    ["3.14 and 1,000 or 5. x.", "3.14 and 1,000 or 5 . x ."],
    ["a-b 3-4 x-", "a-b 3 - 4 x-"],
    ["U.S. $5 50%", "U . S . $ 5 50 %"],
    ["\"q\" 'q' (r) [s] {t}", "\" q \" 'q' ( r ) [ s ] { t }"],
    ["&quot;a&quot; &amp; &lt;b&gt;", '" a " & < b >'],
    ["wrapped-\nline\nnext <skipped>", "wrappedline next"],
    ["naïve…café¿", "naïve…café¿"],
    ["a_b/c\\d", "a _ b / c \\ d"],
    ["no\u00a0break\u3000wide", "no break wide"],
  ])("cuts %j", (segment, expected) => {
    expect(bleuTokenizers["13a"](segment).join(" ")).toBe(expected);
  });
});

describe("corpusBleu", () => {
  it.each([
    [{}, 29.87950541433056],
    [{ lowercase: true }, 35.27634826843117],
    [{ maxOrder: 2 }, 58.77029324770339],
    [{ smoothing: "add-k" }, 37.272369038607735],
    [{ tokenize: "none" }, 18.928624746011373],
    [{ tokenize: "none", smoothing: "none" }, 0],
    [{ tokenize: "none", smoothing: "floor" }, 12.658334285431891],
    [{ tokenize: "none", smoothing: "floor", smoothingValue: 0.5 }, 18.928624746011373],
    [{ tokenize: "none", smoothing: "add-k" }, 26.24032645451104],
  ] as const)("with %j", (options, expected) => {
    expect(corpusBleu(hypotheses, references, options).score).toBeCloseTo(expected, 10);
  });

  it("says what the score was made from", () => {
    expect(corpusBleu(hypotheses, references, { tokenize: "none" })).toEqual({
      score: expect.closeTo(18.928624746011373, 10),
      precisions: [75, 100 * (4 / 13), 10, expect.closeTo(100 / 14, 10)],
      matches: [12, 4, 1, 0],
      totals: [16, 13, 10, 7],
      brevityPenalty: expect.closeTo(Math.exp(1 - 17 / 16), 12),
      hypothesisLength: 16,
      referenceLength: 17,
    });
  });

  it("takes the reference nearest in length, of two the shorter", () => {
    const lengths = (...given: string[]) => corpusBleu(["a b c"], [given], { tokenize: "none" }).referenceLength;
    expect(lengths("a", "a b c d", "a b")).toBe(2);
    expect(lengths("a b c d", "a b")).toBe(2);
    expect(lengths("a b c d e f")).toBe(6);
  });

  it("cuts characters on request", () => {
    expect(corpusBleu(["ab c"], ["abc"], { tokenize: "char", maxOrder: 3 }).score).toBeCloseTo(100, 10);
  });

  it("is 0 without a match, for empty text too", () => {
    expect(corpusBleu(["x y", ""], ["a b", "c"]).score).toBe(0);
    expect(corpusBleu([""], ["a"]).brevityPenalty).toBe(0);
  });

  it("is 100 for a corpus that equals its references, and never leaves 0 to 100", () => {
    const segment = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 8 }).map((tokens) => tokens.join(" "));
    fc.assert(
      fc.property(fc.array(fc.tuple(segment, segment), { minLength: 1 }), (pairs) => {
        const said = pairs.map(([hypothesis]) => hypothesis);
        const meant = pairs.map(([, reference]) => reference);
        for (const smoothing of ["exp", "floor", "add-k", "none"] as const) {
          const { score } = corpusBleu(said, meant, { smoothing });
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(100 + 1e-9);
        }
        const long = ["a b c d e", ...said];
        expect(corpusBleu(long, long).score).toBeCloseTo(100, 9);
      }),
    );
  });

  it.each([
    [() => corpusBleu([], []), "hypotheses must be at least one"],
    [() => corpusBleu(["a"], []), "references must be one entry for each of 1 hypotheses, got 0"],
    [() => corpusBleu(["a"], [[]]), "references[0] must be at least one reference"],
    [() => corpusBleu(["a"], ["a"], { tokenize: "intl" as "13a" }), "tokenize must be one of 13a, char, none"],
    [() => corpusBleu(["a"], ["a"], { maxOrder: 0 }), "maxOrder must be a positive integer, got 0"],
    [() => corpusBleu(["a"], ["a"], { smoothing: "log" as "exp" }), "smoothing must be one of exp, floor, add-k, none"],
    [() => corpusBleu(["a"], ["a"], { smoothingValue: -1 }), "smoothingValue must be a number from 0, got -1"],
  ])("refuses what makes no sense: %s", (call, message) => {
    expect(call).toThrow(errorLike("argument", message));
  });
});

describe("sentenceBleu", () => {
  it.each([
    ["a test", "a test", {}, 100],
    ["test", "a test", {}, 36.78794411714425],
    ["this is a fest", "this is a test", {}, 59.460355750136046],
    ["this is a fest", "this is a test", { smoothing: "floor" }, 39.76353643835254],
    ["x y", "a b", {}, 0],
  ] as const)("%j against %j", (hypothesis, reference, options, expected) => {
    expect(sentenceBleu(hypothesis, reference, options).score).toBeCloseTo(expected, 10);
  });
});

describe("bleuOfTokens", () => {
  it("equals the reference's unsmoothed corpus BLEU-4", () => {
    const said = ["a b c d e x", "the cat sat on the mat"].map((text) => text.split(" "));
    const meant = ["a b c d e f g", "the cat sat on a mat"].map((text) => [text.split(" ")]);
    expect(bleuOfTokens(said, meant, { smoothing: "none" }).score).toBeCloseTo(60.11744255773681, 10);
    expect(bleuOfTokens([["a", "b"]], [[["a", "b"]]], { smoothing: "none" }).score).toBe(0);
  });

  it("tells tokens apart that hold spaces", () => {
    const { matches } = bleuOfTokens([["a b", "c"]], [[["a", "b c"]]], { maxOrder: 2 });
    expect(matches).toEqual([0, 0]);
  });
});
