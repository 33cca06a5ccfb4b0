// Which tags may begin a sequence and which may follow which, when tags mark spans as BIO (IOB2): `B-X` begins a span of
// kind X, `I-X` continues it, `O` is outside.

import { argumentError, hostValues, type Tensor, TensorError } from "@torchium/tensor";

/** What the names of the tags allow. */
export type TagRules = {
  readonly names: readonly string[];
  /** Whether each tag may be first. */
  readonly first: readonly boolean[];
  /** `next[i][j]`: whether tag j may follow tag i. */
  readonly next: readonly (readonly boolean[])[];
};

/** The rules of BIO for tags with these names. @throws TensorError `argument` for another number of names, or another form */
export function bioRules(loss: string, names: readonly string[], numTags: number): TagRules {
  if (names.length !== numTags) throw argumentError(loss, "bioTags", `one name a tag, ${numTags}`, names.length);
  const wrong = names.find((name) => !/^(O|[BI]-.+)$/.test(name));
  if (wrong !== undefined) throw argumentError(loss, "bioTags", "O, B-X or I-X each", wrong);
  const kind = (name: string): string => name.slice(2);
  const continues = (name: string, before: string): boolean => before !== "O" && kind(before) === kind(name);
  return {
    names,
    first: names.map((name) => !name.startsWith("I-")),
    next: names.map((before) => names.map((name) => !name.startsWith("I-") || continues(name, before))),
  };
}

/**
 * Tests given tags [time, batch] that the host still holds: those that break the rules would have no probability.
 * @throws TensorError `argument`, naming the first place
 */
export function checkAgainstRules(loss: string, tags: Tensor, mask: Tensor | undefined, rules: TagRules): void {
  const values = hostValues(tags);
  const real = mask && hostValues(mask);
  if (!values || (mask && !real)) return;
  const [time, batch] = tags.shape as [number, number];
  for (let sequence = 0; sequence < batch; sequence++) {
    let before: number | undefined;
    for (let place = 0; place < time; place++) {
      const at = place * batch + sequence;
      if (real && real[at] === 0) continue;
      const tag = values[at]!;
      const allowed = before === undefined ? rules.first[tag] : rules.next[before]?.[tag];
      if (allowed === false) throw ruleError(loss, rules, place, sequence, tag, before);
      before = tag;
    }
  }
}

function ruleError(
  loss: string,
  { names }: TagRules,
  place: number,
  sequence: number,
  tag: number,
  before: number | undefined,
): TensorError {
  const after = before === undefined ? "first" : `after ${names[before]}`;
  return new TensorError(
    "argument",
    `${loss}: tags break the rules of bioTags, got ${names[tag]} ${after} at place ${place} of sequence ${sequence}, expected B-${names[tag]!.slice(2)} or O`,
    { op: loss, field: "tags", place, sequence, tag, before },
  );
}
