// The `checkpoint/` of a run: what the example saved, and `progress.json`, which says how far training was.
// Both are written into one new folder that replaces the old one as a whole, so they always belong together.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TensorError } from "@torchium/tensor";
import { exists, readJson, recoverFolder, replaceFolder } from "./files.js";
import type { Scores } from "./metrics.js";

/** How far training was when the checkpoint was saved. */
export interface Progress {
  /** Steps done. */
  readonly step: number;
  /** The step of the last evaluation, 0 before the first. */
  readonly evaluatedAt: number;
  /** Tokens trained on. */
  readonly tokens: number;
  /** Seconds spent training. */
  readonly seconds: number;
  /** What the last evaluation gave. */
  readonly validation: Scores | null;
}

/** Progress of a run that has not begun. */
export const noProgress: Progress = { step: 0, evaluatedAt: 0, tokens: 0, seconds: 0, validation: null };

const fileName = "progress.json";

/** Saves and finds the checkpoint of a run. */
export class CheckpointFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Saves a checkpoint in the place of the one before.
   * @param fill Writes the example's files into the folder it is given.
   * @throws TensorError `file` when it cannot be written; the checkpoint before then stays.
   */
  async save(progress: Progress, fill: (folder: string) => Promise<void>): Promise<void> {
    await replaceFolder(this.path, async (folder) => {
      await fill(folder);
      await writeFile(join(folder, fileName), `${JSON.stringify(progress, null, 2)}\n`);
    });
  }

  /**
   * How far the saved checkpoint is; `undefined` when there is none.
   * @throws TensorError `format` when the file is not what `save` writes.
   */
  async progress(): Promise<Progress | undefined> {
    await recoverFolder(this.path);
    if (!(await exists(this.path))) return undefined;
    const path = join(this.path, fileName);
    const value = (await readJson("checkpoint", path)) as Partial<Record<keyof Progress, unknown>> | null;
    for (const field of ["step", "evaluatedAt", "tokens", "seconds"] as const) {
      const got = value?.[field];
      if (typeof got === "number" && Number.isFinite(got) && got >= 0) continue;
      const message = `checkpoint: ${field} in ${path} must be a number of at least 0, got ${JSON.stringify(got)}`;
      throw new TensorError("format", message, { path, field, got });
    }
    return value as Progress;
  }
}
