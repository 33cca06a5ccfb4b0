// Entities and their scores by the CoNLL definition; the first tables' values come from the reference's `entities`, `f1`.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { type Entity, entities, entityF1 } from "./entity-f1.js";

const tagged = (text: string) => text.split(" ").filter((tag) => tag !== "");
const written = (found: readonly Entity[]) => found.map(({ type, start, end }) => `${type} ${start}-${end}`);

describe("entities", () => {
  it.each([
    ["", []],
    ["O O", []],
    ["B-X I-X O B-Y", ["X 0-2", "Y 3-4"]],
    ["O B-X I-X I-Y O I-X B-X B-X", ["X 1-3", "Y 3-4", "X 5-6", "X 6-7", "X 7-8"]],
    ["I-X I-X", ["X 0-2"]],
    ["B-X I-Y I-Y I-X", ["X 0-1", "Y 1-3", "X 3-4"]],
    ["B-A-B I-A-B", ["A-B 0-2"]],
  ])("of %j", (tags, expected) => {
    expect(written(entities(tagged(tags)))).toEqual(expected);
  });

  it("come back from any set of entities written as IOB2", () => {
    const pieces = fc.array(fc.tuple(fc.constantFrom("O", "X", "Y"), fc.integer({ min: 1, max: 3 })), { maxLength: 8 });
    fc.assert(
      fc.property(pieces, (drawn) => {
        const expected: Entity[] = [];
        const tags: string[] = [];
        for (const [type, length] of drawn) {
          if (type !== "O") expected.push({ type, start: tags.length, end: tags.length + length });
          for (let i = 0; i < length; i++) tags.push(type === "O" ? "O" : `${i === 0 ? "B" : "I"}-${type}`);
        }
        expect(entities(tags)).toEqual(expected);
      }),
    );
  });

  it.each(["B", "B-", "X-LOC", "E-LOC", ""])("refuses the tag %j", (tag) => {
    expect(() => entities([tag])).toThrow(errorLike("argument", "tag must be O, B-TYPE or I-TYPE"));
  });
});

describe("entityF1", () => {
  const predicted = ["B-PER I-PER O B-LOC", "O I-ORG I-ORG O", "B-LOC I-PER B-PER I-LOC"].map(tagged);
  const gold = ["B-PER I-PER O B-ORG", "O B-ORG I-ORG O", "B-LOC O B-PER I-PER"].map(tagged);

  it("counts an entity when its type and both ends are right", () => {
    const scores = entityF1(predicted, gold);
    expect(scores).toMatchObject({ correct: 3, predicted: 7, gold: 5, precision: 3 / 7, recall: 3 / 5, f1: 0.5 });
    expect(scores.tokenAccuracy).toBe(8 / 12);
  });

  it("scores each type", () => {
    expect(entityF1(predicted, gold).perType).toEqual({
      LOC: { precision: 1 / 3, recall: 1, f1: 0.5, correct: 1, predicted: 3, gold: 1 },
      ORG: { precision: 1, recall: 0.5, f1: 2 / 3, correct: 1, predicted: 1, gold: 2 },
      PER: { precision: 1 / 3, recall: 0.5, f1: 0.4, correct: 1, predicted: 3, gold: 2 },
    });
  });

  it("is 0 where there is nothing to score", () => {
    expect(entityF1([], [])).toMatchObject({ f1: 0, precision: 0, recall: 0, tokenAccuracy: 0, perType: {} });
    expect(entityF1([["O"]], [["B-X"]])).toMatchObject({ f1: 0, precision: 0, recall: 0, gold: 1 });
  });

  it("is 1 for the truth itself, and the same with both sides swapped", () => {
    const tag = fc.constantFrom("O", "B-X", "I-X", "B-Y", "I-Y");
    const pair = fc.array(fc.tuple(tag, tag), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(fc.array(pair), (sentences) => {
        const left = sentences.map((sentence) => sentence.map(([first]) => first));
        const right = sentences.map((sentence) => sentence.map(([, second]) => second));
        const forward = entityF1(left, right);
        const backward = entityF1(right, left);
        expect(forward.f1).toBe(backward.f1);
        expect(forward.precision).toBe(backward.recall);
        expect(entityF1(right, right).f1).toBe(right.some((tags) => entities(tags).length > 0) ? 1 : 0);
      }),
    );
  });

  it("refuses sentences that do not fit", () => {
    const one = [["O"]];
    expect(() => entityF1([], one)).toThrow(errorLike("argument", "predicted must be 1 sentences as in gold, got 0"));
    const message = "predicted[0] must be 1 tags as in gold, got 2";
    expect(() => entityF1([["O", "O"]], one)).toThrow(errorLike("argument", message));
  });
});
