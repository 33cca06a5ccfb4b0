// The table of examples, in the order in which help lists them. One row makes an example known everywhere.
import type { Example } from "./example.js";
import { bertClassifier } from "./examples/bert-classifier.js";
import { glove } from "./examples/glove.js";
import { gpt } from "./examples/gpt.js";
import { multitask } from "./examples/multitask.js";
import { ner } from "./examples/ner.js";
import { seq2seq } from "./examples/seq2seq.js";
import { transformerLm } from "./examples/transformer-lm.js";
import { word2vec } from "./examples/word2vec.js";

/** Every example that `npm start -- <name>` runs. */
export const examples: readonly Example[] = [
  gpt,
  transformerLm,
  bertClassifier,
  ner,
  seq2seq,
  multitask,
  word2vec,
  glove,
] as unknown as readonly Example[];
