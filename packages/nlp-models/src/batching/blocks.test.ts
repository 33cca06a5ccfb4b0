// Padding, windows and collate functions: tables of small batches, and what must hold for any batch.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike, seededRandom } from "../test-helpers.js";
import { collateClassification, collateSequencePairs, collateTagging } from "./collate.js";
import { type IdBlock, idColumn, padRows, selectRows } from "./id-block.js";
import { consecutiveWindows, randomWindows } from "./language-model.js";
import { dropWords } from "./word-dropout.js";

/** A block as rows of numbers. */
function rowsOf({ data, shape }: IdBlock): number[][] {
  const [count = 0, width = 0] = shape;
  expect(data).toHaveLength(count * width);
  return Array.from({ length: count }, (_, i) => [...data.subarray(i * width, (i + 1) * width)]);
}

describe("padRows", () => {
  it("fills up on the right and says what is real", () => {
    const { ids, attentionMask } = padRows([[5, 6, 7], [], [8]], { value: 9 });
    expect(rowsOf(ids)).toEqual([
      [5, 6, 7],
      [9, 9, 9],
      [8, 9, 9],
    ]);
    expect(rowsOf(attentionMask)).toEqual([
      [1, 1, 1],
      [0, 0, 0],
      [1, 0, 0],
    ]);
  });

  it("pads to a given length", () => {
    expect(rowsOf(padRows([[1], [2, 3]], { length: 4 }).ids)).toEqual([
      [1, 0, 0, 0],
      [2, 3, 0, 0],
    ]);
  });

  it("gives the rows back where the mask is 1", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat()), { minLength: 1 }), (rows) => {
        const { ids, attentionMask } = padRows(rows);
        const mask = rowsOf(attentionMask);
        expect(rowsOf(ids).map((row, i) => row.filter((_, j) => mask[i]?.[j] === 1))).toEqual(rows);
      }),
    );
  });

  it("refuses what does not fit", () => {
    expect(() => padRows([])).toThrow(errorLike("argument", "padRows: rows must be at least one row, got 0"));
    const message = "a row is too long, got 2 ids, expected at most 1";
    expect(() => padRows([[1, 2]], { length: 1 })).toThrow(errorLike("shape", message));
    expect(() => padRows([[]], { length: -1 })).toThrow(errorLike("argument", "length must be a whole number, got -1"));
  });
});

describe("selectRows", () => {
  it("takes rows of any rank in the given order", () => {
    const block = { data: Int32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] };
    expect(selectRows(block, [2, 0, 2])).toEqual({ data: Int32Array.of(5, 6, 1, 2, 5, 6), shape: [3, 2] });
    expect(selectRows(idColumn([7, 8, 9]), [1])).toEqual({ data: Int32Array.of(8), shape: [1] });
  });

  it.each([-1, 3, 0.5])("refuses row %d", (row) => {
    const message = `row out of range, got ${row}, expected 0 to 2`;
    expect(() => selectRows(idColumn([7, 8, 9]), [row])).toThrow(errorLike("index", message));
  });
});

describe("language-model windows", () => {
  const text = Int32Array.from({ length: 11 }, (_, i) => i);

  it("cuts consecutive windows, labels one place on, the tail left out", () => {
    const { inputIds, labels } = consecutiveWindows(text, 3);
    expect(rowsOf(inputIds)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7, 8],
    ]);
    expect(rowsOf(labels)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
  });

  it("needs one more id than a window", () => {
    expect(rowsOf(consecutiveWindows(text, 10).labels)).toHaveLength(1);
    const message = "the text is too short, got 11 ids, expected 12 or more";
    expect(() => consecutiveWindows(text, 11)).toThrow(errorLike("shape", message));
    expect(() => randomWindows(text, 11, 1, seededRandom(1))).toThrow(errorLike("shape", message));
  });

  it("draws windows from every place, the last one included", () => {
    const starts = new Set<number>();
    const { inputIds, labels } = randomWindows(text, 8, 200, seededRandom(1));
    const after = rowsOf(labels);
    rowsOf(inputIds).forEach((row, i) => {
      const start = row[0] as number;
      starts.add(start);
      expect(row).toEqual(Array.from({ length: 8 }, (_, j) => start + j));
      expect(after[i]).toEqual(row.map((id) => id + 1));
    });
    expect([...starts].sort()).toEqual([0, 1, 2]);
  });

  it.each([
    [() => consecutiveWindows(text, 0), "consecutiveWindows: length must be a positive integer, got 0"],
    [() => randomWindows(text, 3, 0, seededRandom(1)), "randomWindows: batchSize must be a positive integer, got 0"],
  ])("refuses sizes: %s", (call, message) => {
    expect(call).toThrow(errorLike("argument", message));
  });
});

describe("collateSequencePairs", () => {
  const options = { bosId: 2, eosId: 3 };

  it("begins targets with BOS and ends labels with EOS, one place on", () => {
    const pairs = [
      { source: [10, 11], target: [20, 21, 22] },
      { source: [12], target: [23] },
    ];
    const batch = collateSequencePairs(pairs, options);
    expect(rowsOf(batch.src)).toEqual([
      [10, 11],
      [12, 0],
    ]);
    expect(rowsOf(batch.srcMask)).toEqual([
      [1, 1],
      [1, 0],
    ]);
    expect(rowsOf(batch.tgt)).toEqual([
      [2, 20, 21, 22],
      [2, 23, 0, 0],
    ]);
    expect(rowsOf(batch.tgtMask)).toEqual([
      [1, 1, 1, 1],
      [1, 1, 0, 0],
    ]);
    expect(rowsOf(batch.labels)).toEqual([
      [20, 21, 22, 3],
      [23, 3, -100, -100],
    ]);
  });

  it("cuts long sentences and still ends them", () => {
    const pairs = [{ source: [1, 2, 3], target: [4, 5, 6] }];
    const batch = collateSequencePairs(pairs, { ...options, maxSourceLength: 2, maxTargetLength: 3 });
    expect([rowsOf(batch.src), rowsOf(batch.tgt), rowsOf(batch.labels)]).toEqual([[[1, 2]], [[2, 4, 5]], [[4, 5, 3]]]);
  });

  it("labels each place with what the decoder reads next, then EOS, then nothing", () => {
    const ids = fc.array(fc.integer({ min: 4, max: 99 }), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.record({ source: ids, target: ids }), { minLength: 1 }), (pairs) => {
        const { tgt, tgtMask, labels } = collateSequencePairs(pairs, { ...options, ignoreIndex: -1 });
        const [read, mask] = [rowsOf(tgt), rowsOf(tgtMask)];
        rowsOf(labels).forEach((row, i) => {
          const length = (mask[i] as number[]).filter((real) => real === 1).length;
          expect(row.slice(0, length)).toEqual([...(read[i] as number[]).slice(1, length), 3]);
          expect(row.slice(length).every((label) => label === -1)).toBe(true);
        });
      }),
    );
  });
});

describe("collateTagging", () => {
  const sentences = [
    { ids: [5, 6, 7], tags: [1, 2, 0] },
    { ids: [8], tags: [3] },
  ];

  it("pads tags so that they do not count", () => {
    const batch = collateTagging(sentences);
    expect(rowsOf(batch.inputIds)).toEqual([
      [5, 6, 7],
      [8, 0, 0],
    ]);
    expect(rowsOf(batch.tags)).toEqual([
      [1, 2, 0],
      [3, -100, -100],
    ]);
    expect(batch.tagMask).toEqual(batch.attentionMask);
  });

  it("puts [CLS] before the tokens, not before the tags", () => {
    const batch = collateTagging(sentences, { clsId: 2, maxLength: 3, ignoreIndex: 0 });
    expect(rowsOf(batch.inputIds)).toEqual([
      [2, 5, 6],
      [2, 8, 0],
    ]);
    expect(rowsOf(batch.attentionMask)).toEqual([
      [1, 1, 1],
      [1, 1, 0],
    ]);
    expect(rowsOf(batch.tags)).toEqual([
      [1, 2],
      [3, 0],
    ]);
    expect(rowsOf(batch.tagMask)).toEqual([
      [1, 1],
      [1, 0],
    ]);
  });

  it("refuses a sentence with missing tags", () => {
    const message = "collateTagging: tags must be one for each of 2 ids, got 1";
    expect(() => collateTagging([{ ids: [1, 2], tags: [1] }])).toThrow(errorLike("argument", message));
  });
});

describe("collateClassification", () => {
  it("puts [CLS] first and marks segments", () => {
    const examples = [
      { ids: [7, 8], label: 1 },
      { ids: [9], pairIds: [10, 11], label: 0 },
    ];
    const batch = collateClassification(examples, { clsId: 2, sepId: 3 });
    expect(rowsOf(batch.inputIds)).toEqual([
      [2, 7, 8, 3, 0, 0],
      [2, 9, 3, 10, 11, 3],
    ]);
    expect(rowsOf(batch.segmentIds)).toEqual([
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 1, 1, 1],
    ]);
    expect(rowsOf(batch.attentionMask)).toEqual([
      [1, 1, 1, 1, 0, 0],
      [1, 1, 1, 1, 1, 1],
    ]);
    expect(batch.labels).toEqual({ data: Int32Array.of(1, 0), shape: [2] });
  });

  it("can do without separators, as the reference does", () => {
    const batch = collateClassification([{ ids: [7, 8, 9], label: 1 }], { clsId: 2, maxLength: 3 });
    expect(rowsOf(batch.inputIds)).toEqual([[2, 7, 8]]);
    expect(rowsOf(batch.segmentIds)).toEqual([[0, 0, 0]]);
  });

  it.each([
    [[1, 1, 1, 1], [2], 7, [2, 1, 1, 1, 3, 2, 3]],
    [[1], [2, 2, 2, 2], 7, [2, 1, 3, 2, 2, 2, 3]],
    [[1, 1, 1], [2, 2, 2], 7, [2, 1, 1, 3, 2, 2, 3]],
    [[1, 1, 1], [2, 2, 2], 8, [2, 1, 1, 1, 3, 2, 2, 3]],
    [[1, 1], [2, 2], 3, [2, 3, 3]],
  ])("cuts the longer of %j and %j to %d", (ids, pairIds, maxLength, expected) => {
    const batch = collateClassification([{ ids, pairIds, label: 0 }], { clsId: 2, sepId: 3, maxLength });
    expect(rowsOf(batch.inputIds)).toEqual([expected]);
  });

  it("refuses a length without room for the special tokens", () => {
    const call = () => collateClassification([{ ids: [1], label: 0 }], { clsId: 2, sepId: 3, maxLength: 2 });
    expect(call).toThrow(errorLike("argument", "maxLength must be an integer from 3, got 2"));
  });
});

describe("dropWords", () => {
  it("replaces about its share, and all or none at the ends", () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => i + 10);
    const dropped = dropWords(ids, 0.1, 1, seededRandom(1)).filter((id) => id === 1).length;
    // 1000 expected; five standard deviations are 150.
    expect(Math.abs(dropped - 1000)).toBeLessThan(150);
    expect(dropWords(ids, 0, 1, seededRandom(1))).toEqual(ids);
    expect(new Set(dropWords(ids, 1, 1, seededRandom(1)))).toEqual(new Set([1]));
    expect(() => dropWords(ids, 1.1, 1, seededRandom(1))).toThrow(
      errorLike("argument", "rate must be in [0, 1], got 1.1"),
    );
  });
});
