// Examples become batches: one function a kind of task. Padding is masked out, and its labels are ignored.
// `attentionMask` and its kin are 1 at real tokens; padded labels are `ignoreIndex`, so padding never trains.

import { argumentError } from "@torchium/tensor";
import { type IdBlock, idColumn, padRows } from "./id-block.js";

/** Settings that every collate function takes. */
export interface CollateOptions {
  /** Id of padding; 0 by default. */
  readonly padId?: number;
  /** Stands in labels and tags where padding is; -100 by default, which the losses leave out. */
  readonly ignoreIndex?: number;
}

/** A sentence and its translation as ids, without special tokens. */
export interface IdPair {
  readonly source: readonly number[];
  readonly target: readonly number[];
}

/** Settings of `collateSequencePairs`. */
export interface SequencePairOptions extends CollateOptions {
  /** Begins every target. */
  readonly bosId: number;
  /** Ends every target. */
  readonly eosId: number;
  /** Longer sources are cut; no limit by default. */
  readonly maxSourceLength?: number;
  /** Largest width of `tgt` and `labels`; longer targets are cut before their end token. No limit by default. */
  readonly maxTargetLength?: number;
}

/** A batch for an encoder-decoder. */
export interface SequencePairBatch {
  /** [batch, sourceLength] */
  readonly src: IdBlock;
  /** [batch, sourceLength] */
  readonly srcMask: IdBlock;
  /** [batch, targetLength], beginning with BOS. */
  readonly tgt: IdBlock;
  /** [batch, targetLength] */
  readonly tgtMask: IdBlock;
  /** [batch, targetLength]: `tgt` one place on, ending with EOS, `ignoreIndex` at padding. */
  readonly labels: IdBlock;
}

/** Pairs as a batch for an encoder-decoder: what the decoder reads, and what it should say, one place on. */
export function collateSequencePairs(pairs: readonly IdPair[], options: SequencePairOptions): SequencePairBatch {
  const { padId = 0, ignoreIndex = -100, bosId, eosId, maxSourceLength, maxTargetLength } = options;
  checkLimit("collateSequencePairs", "maxSourceLength", maxSourceLength, 1);
  checkLimit("collateSequencePairs", "maxTargetLength", maxTargetLength, 1);
  const kept = maxTargetLength === undefined ? undefined : maxTargetLength - 1;
  const targets = pairs.map(({ target }) => target.slice(0, kept));
  const source = padRows(
    pairs.map((pair) => pair.source.slice(0, maxSourceLength)),
    { value: padId },
  );
  const target = padRows(
    targets.map((ids) => [bosId, ...ids]),
    { value: padId },
  );
  const labels = padRows(
    targets.map((ids) => [...ids, eosId]),
    { value: ignoreIndex },
  );
  return {
    src: source.ids,
    srcMask: source.attentionMask,
    tgt: target.ids,
    tgtMask: target.attentionMask,
    labels: labels.ids,
  };
}

/** A sentence as ids with a tag index for each. */
export interface TaggedIds {
  readonly ids: readonly number[];
  readonly tags: readonly number[];
}

/** Settings of `collateTagging`. */
export interface TaggingOptions extends CollateOptions {
  /** Begins every row of `inputIds`; it has no tag, so `tags` is one narrower. None by default. */
  readonly clsId?: number;
  /** Longer sentences are cut to this many tokens, `clsId` counted; no limit by default. */
  readonly maxLength?: number;
}

/** A batch for a tagger. */
export interface TaggingBatch {
  /** [batch, length], one wider with a `clsId`. */
  readonly inputIds: IdBlock;
  /** Shape of `inputIds`. */
  readonly attentionMask: IdBlock;
  /** [batch, length] */
  readonly tags: IdBlock;
  /** [batch, length]: 1 where there is a tag. Equal to `attentionMask` without a `clsId`. */
  readonly tagMask: IdBlock;
}

/** Tagged sentences as a batch. @throws `argument` when a sentence has not as many tags as tokens. */
export function collateTagging(sentences: readonly TaggedIds[], options: TaggingOptions = {}): TaggingBatch {
  const { padId = 0, ignoreIndex = -100, clsId, maxLength } = options;
  const first = clsId === undefined ? [] : [clsId];
  checkLimit("collateTagging", "maxLength", maxLength, first.length);
  for (const { ids, tags } of sentences) {
    if (ids.length === tags.length) continue;
    throw argumentError("collateTagging", "tags", `one for each of ${ids.length} ids`, tags.length);
  }
  const kept = maxLength === undefined ? undefined : maxLength - first.length;
  const inputs = padRows(
    sentences.map(({ ids }) => [...first, ...ids.slice(0, kept)]),
    { value: padId },
  );
  const tags = padRows(
    sentences.map((sentence) => sentence.tags.slice(0, kept)),
    { value: ignoreIndex },
  );
  return { inputIds: inputs.ids, attentionMask: inputs.attentionMask, tags: tags.ids, tagMask: tags.attentionMask };
}

/** A sentence, or a pair of them, with its class. */
export interface LabelledIds {
  readonly ids: readonly number[];
  /** The second sentence of a pair. */
  readonly pairIds?: readonly number[];
  readonly label: number;
}

/** Settings of `collateClassification`. */
export interface ClassificationOptions {
  /** Id of padding; 0 by default. */
  readonly padId?: number;
  /** Begins every row. */
  readonly clsId: number;
  /** Ends each sentence of a row; left out when not given. */
  readonly sepId?: number;
  /** Longest row, special tokens counted; of a pair the longer sentence is cut first. No limit by default. */
  readonly maxLength?: number;
}

/** A batch for a sentence classifier. */
export interface ClassificationBatch {
  /** [batch, length]: `[CLS] first [SEP] second [SEP]`. */
  readonly inputIds: IdBlock;
  /** [batch, length] */
  readonly attentionMask: IdBlock;
  /** [batch, length]: 1 in the second sentence and its `[SEP]`, else 0. */
  readonly segmentIds: IdBlock;
  /** [batch] */
  readonly labels: IdBlock;
}

/** Labelled sentences as a batch. @throws `argument` when `maxLength` leaves no room for the special tokens. */
export function collateClassification(
  examples: readonly LabelledIds[],
  options: ClassificationOptions,
): ClassificationBatch {
  const { padId = 0, clsId, sepId, maxLength } = options;
  const separator = sepId === undefined ? [] : [sepId];
  checkLimit("collateClassification", "maxLength", maxLength, 1 + 2 * separator.length);
  const rows: number[][] = [];
  const segments: number[][] = [];
  for (const { ids, pairIds } of examples) {
    const separators = separator.length * (pairIds === undefined ? 1 : 2);
    const room = (maxLength ?? Number.POSITIVE_INFINITY) - 1 - separators;
    const [firstLength, secondLength] = truncatedLengths(ids.length, pairIds?.length ?? 0, room);
    const first = [clsId, ...ids.slice(0, firstLength), ...separator];
    const second = pairIds === undefined ? [] : [...pairIds.slice(0, secondLength), ...separator];
    rows.push([...first, ...second]);
    segments.push([...first.map(() => 0), ...second.map(() => 1)]);
  }
  const padded = padRows(rows, { value: padId });
  return {
    inputIds: padded.ids,
    attentionMask: padded.attentionMask,
    segmentIds: padRows(segments).ids,
    labels: idColumn(examples.map(({ label }) => label)),
  };
}

// Takes from the longer one until both fit, as BERT's own preparation does; of equal ones the second gives way.
function truncatedLengths(first: number, second: number, room: number): readonly [number, number] {
  if (first + second <= room) return [first, second];
  const half = Math.floor(room / 2);
  if (second <= half) return [room - second, second];
  if (first <= room - half) return [first, room - first];
  return [room - half, half];
}

function checkLimit(op: string, name: string, limit: number | undefined, least: number): void {
  if (limit === undefined || (Number.isInteger(limit) && limit >= least)) return;
  throw argumentError(op, name, `an integer from ${least}`, limit);
}
