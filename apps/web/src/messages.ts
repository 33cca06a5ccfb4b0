// What the page and the training worker tell each other. Plain data that structured cloning can carry.

/** The examples, by the name that a checkpoint carries. */
export type ExampleName = "gpt" | "sentiment" | "wordVectors";

/** Where tensors live. */
export type BackendName = "cpu" | "webgpu";

/** How large the model is. */
export type Size = "tiny" | "small" | "medium";

/** Everything that decides a run but the backend: the same settings give the same run. */
export type RunSettings = {
  readonly example: ExampleName;
  readonly size: Size;
  readonly steps: number;
  readonly seed: number;
  readonly text: string;
};

/** From the page. */
export type Request =
  | { readonly kind: "start"; readonly settings: RunSettings; readonly backend: BackendName }
  /** Continues a downloaded run where it was. */
  | { readonly kind: "load"; readonly checkpoint: ArrayBuffer; readonly backend: BackendName }
  | { readonly kind: "pause" | "resume" | "stop" | "save" }
  /** A prompt, a sentence or a word, as the example takes it. */
  | { readonly kind: "ask"; readonly input: string };

/** One step's loss. */
export type Point = { readonly step: number; readonly loss: number };

/** What the worker is doing. */
export type Phase = "idle" | "preparing" | "training" | "paused" | "finished" | "stopped" | "failed";

/** From the worker. */
export type Report =
  | { readonly kind: "phase"; readonly phase: Phase }
  /** The run that begins or goes on, on which device, in words. */
  | {
      readonly kind: "run";
      readonly settings: RunSettings;
      readonly device: string;
      readonly description: string;
      /** Steps that a loaded run has behind it, with their losses. */
      readonly history: readonly Point[];
    }
  | {
      readonly kind: "progress";
      readonly points: readonly Point[];
      readonly unitsPerSecond: number;
      readonly unit: string;
    }
  | { readonly kind: "sample"; readonly step: number; readonly text: string }
  | { readonly kind: "answer"; readonly text: string }
  | { readonly kind: "checkpoint"; readonly bytes: ArrayBuffer; readonly name: string }
  /** Something that the reader should know and that ends nothing. */
  | { readonly kind: "notice"; readonly text: string }
  | { readonly kind: "error"; readonly text: string };
