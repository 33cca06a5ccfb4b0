// Sorts words along rows, in scratch memory, four bits at a time from the lowest: threads count the digits of a stretch
// each, the counts become places, and each thread puts its stretch there. Nothing is shared while it is written, so equal
// words stay in order and the result is always the same.

import { type Dispatch, scratchAt } from "../run/dispatch.js";
import { moduleText, newSource, Places, type Shader, type Slots } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";

const digitBits = 4;
const digits = 2 ** digitBits;
const workgroupSize = 64;
/** Threads of the group that adds up a row's counts. */
const sumThreads = 128;
/** Words that are worth a thread at least. */
const shortStretch = 16;

const layout = new ParamLayout(["rows", "length", "stretch", "parts", "shift"], 0, 5, 0);
const [keysIn, orderIn, keysOut, orderOut, counts] = [0, 1, 2, 3, 4] as const;
const field = (name: Parameters<typeof layout.field>[0]): string => wordText(layout.field(name));

/** Where a sort finds and leaves rows of words in scratch memory, one row behind the other. */
export type RadixSort = {
  readonly dispatches: readonly Dispatch[];
  readonly scratchWords: number;
  /** First words of the keys and of their positions in the row, to be filled in before. */
  readonly before: { readonly keys: number; readonly order: number };
  /** The same, sorted by key. */
  readonly after: { readonly keys: number; readonly order: number };
};

/** A sort of `rows` rows of `length` keys below 2^`keyBits`. */
export function radixSort(rows: number, length: number, keyBits: number): RadixSort {
  const count = rows * length;
  // A thread walks its stretch, then another walks the counts of all threads of a row: about as long a way.
  const stretch = Math.max(shortStretch, Math.ceil(Math.sqrt(length / 8)));
  const parts = Math.ceil(length / stretch);
  const ends = [0, 1].map((half) => ({ keys: 2 * half * count, order: (2 * half + 1) * count }));
  const passes = Math.ceil(keyBits / digitBits);
  const dispatches = Array.from({ length: passes }, (_, pass) => {
    const [from, to] = [ends[pass % 2]!, ends[(pass + 1) % 2]!];
    const words = layout.block({ rows, length, stretch, parts, shift: pass * digitBits }, [], []);
    const uses = [from.keys, from.order, to.keys, to.order, 4 * count].map(scratchAt);
    const groups = Math.ceil((rows * parts) / workgroupSize);
    return [
      { shader: countShader, layout, words, uses, groups },
      { shader: sumShader, layout, words, uses, groups: rows },
      { shader: placeShader, layout, words, uses, groups },
    ];
  });
  const scratchWords = 4 * count + rows * parts * digits;
  return { dispatches: dispatches.flat(), scratchWords, before: ends[0]!, after: ends[passes % 2]! };
}

const countShader: Shader = { key: "radix/count", render: renderCount };
const sumShader: Shader = { key: "radix/sum", render: renderSum };
const placeShader: Shader = { key: "radix/place", render: renderPlace };

const word = (places: Places, operand: number, at: string): string =>
  places.word(operand, `${wordText(layout.start(operand))} + ${at}`);

/** A thread's stretch: `row`, `part`, and `begin` to `end` of the words of all rows. */
const stretchOf = [
  `let i = group * ${workgroupSize}u + t;`,
  `if (i >= ${field("rows")} * ${field("parts")}) { return; }`,
  `let row = i / ${field("parts")};`,
  `let part = i % ${field("parts")};`,
  `let begin = row * ${field("length")} + part * ${field("stretch")};`,
  `let end = min(begin + ${field("stretch")}, (row + 1u) * ${field("length")});`,
];

/** The count of a digit in a stretch, or its place: digit by digit, stretch by stretch. */
const countOf = (places: Places): string =>
  word(places, counts, `(row * ${digits}u + digit) * ${field("parts")} + part`);
const digitOf = (key: string): string => `(${key} >> ${field("shift")}) & ${digits - 1}u`;
const eachDigit = `for (var digit = 0u; digit < ${digits}u; digit++)`;

function renderCount(slots: Slots): string {
  const places = new Places(slots);
  const body = [
    ...stretchOf,
    `var found: array<u32, ${digits}>;`,
    `for (var at = begin; at < end; at++) { found[${digitOf(word(places, keysIn, "at"))}]++; }`,
    `${eachDigit} { ${countOf(places)} = found[digit]; }`,
  ];
  return moduleText({ source: newSource(), places, layout, workgroupSize, body });
}

/** Each count becomes the sum of those before it in its row. */
function renderSum(slots: Slots): string {
  const places = new Places(slots);
  const count = word(places, counts, "at");
  const body = [
    `if (group >= ${field("rows")}) { return; }`,
    `let all = ${digits}u * ${field("parts")};`,
    `let each = (all + ${sumThreads - 1}u) / ${sumThreads}u;`,
    "let begin = group * all + min(t * each, all);",
    "let end = group * all + min((t + 1u) * each, all);",
    "var sum = 0u;",
    `for (var at = begin; at < end; at++) { sum += ${count}; }`,
    "sums[t] = sum;",
    "workgroupBarrier();",
    "sum = 0u;",
    "for (var other = 0u; other < t; other++) { sum += sums[other]; }",
    "for (var at = begin; at < end; at++) {",
    `let own = ${count};`,
    `${count} = sum;`,
    "sum += own;",
    "}",
  ];
  const declarations = [`var<workgroup> sums: array<u32, ${sumThreads}>;`];
  return moduleText({ source: newSource(), places, layout, workgroupSize: sumThreads, declarations, body });
}

function renderPlace(slots: Slots): string {
  const places = new Places(slots);
  const body = [
    ...stretchOf,
    `var next: array<u32, ${digits}>;`,
    `${eachDigit} { next[digit] = row * ${field("length")} + ${countOf(places)}; }`,
    "for (var at = begin; at < end; at++) {",
    `let key = ${word(places, keysIn, "at")};`,
    `let digit = ${digitOf("key")};`,
    "let to = next[digit];",
    "next[digit] = to + 1u;",
    `${word(places, keysOut, "to")} = key;`,
    `${word(places, orderOut, "to")} = ${word(places, orderIn, "at")};`,
    "}",
  ];
  return moduleText({ source: newSource(), places, layout, workgroupSize, body });
}
