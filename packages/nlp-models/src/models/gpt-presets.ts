// Sizes of known GPTs, to be spread into the options of `GPTModel`.

import type { GPTOptions } from "./gpt.js";

const gpt2 = { vocabSize: 50257, maxLen: 1024, activation: "geluTanh" } as const satisfies GPTOptions;

/** Options by name: nanoGPT's character-level recipe for a processor (give it a `vocabSize`), and GPT-2's four sizes. */
export const gptPresets = {
  nanoGPT: { dModel: 128, nhead: 4, numLayers: 4, maxLen: 64, dropout: 0, bias: false },
  gpt2: { ...gpt2, dModel: 768, nhead: 12, numLayers: 12 },
  gpt2Medium: { ...gpt2, dModel: 1024, nhead: 16, numLayers: 24 },
  gpt2Large: { ...gpt2, dModel: 1280, nhead: 20, numLayers: 36 },
  gpt2XL: { ...gpt2, dModel: 1600, nhead: 25, numLayers: 48 },
} as const satisfies Readonly<Record<string, GPTOptions>>;
