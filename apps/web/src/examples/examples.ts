// The examples by name: how a run of each begins.

import type { ExampleName } from "../messages.js";
import { beginGpt } from "./gpt.js";
import type { Begin } from "./run.js";
import { beginSentiment } from "./sentiment.js";
import { beginWordVectors } from "./word-vectors.js";

/** How a run of each example begins. */
export const examples = {
  gpt: beginGpt,
  sentiment: beginSentiment,
  wordVectors: beginWordVectors,
} as const satisfies Record<ExampleName, Begin>;
