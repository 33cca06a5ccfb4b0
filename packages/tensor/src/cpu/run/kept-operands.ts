// Operands that several steps in a row pack alike, such as the weight of a time loop: packed by the first of them and left in
// the threads' space for the others. Holds while the operand's buffer stays as it is, which is looked at anew in every
// run, since a replay may come with other buffers.

import type { Launch, LaunchOperand } from "../../backend/backend.js";
import { keeping } from "../gemm/params.js";
import type { Step } from "./work.js";

type User = { readonly word: number; readonly operand: LaunchOperand; readonly launch: number };
type Row = { readonly form: string; readonly parallel: boolean; readonly thread: number; readonly users: User[] };

/** Collects the steps that use the threads' space, in order; then says of each run where operands are packed already. */
export class KeptOperands {
  readonly #launches: readonly Launch[];
  readonly #indices: ReadonlyMap<Launch, number>;
  readonly #rows: (readonly User[])[] = [];
  #open: Row | undefined;

  constructor(launches: readonly Launch[]) {
    this.#launches = launches;
    this.#indices = new Map(launches.map((launch, i) => [launch, i]));
  }

  /** The next step that uses the space, its block `base` words into all blocks. Only `thread` runs it, unless it is parallel. */
  add(launch: Launch, { kept, parallel }: Step, base: number, thread: number): void {
    const row = this.#open;
    if (!row || row.form !== kept?.form || row.parallel !== parallel || row.thread !== thread) {
      this.finish();
      this.#open = kept && { form: kept.form, parallel, thread, users: [] };
    }
    if (!kept) return;
    const operand = launch.operands[kept.operand]!;
    this.#open!.users.push({ word: base + kept.word, operand, launch: this.#indices.get(launch)! });
  }

  /** Ends the row of like steps, after the last step too. */
  finish(): void {
    if (this.#open && this.#open.users.length > 1) this.#rows.push(this.#open.users);
    this.#open = undefined;
  }

  /** Writes the words of a run whose launches have their buffers. */
  place(blocks: Int32Array): void {
    for (const users of this.#rows) {
      users.forEach(({ word, operand }, i) => {
        const before = users[i - 1];
        const isKept = before && isSame(before.operand, operand) && !this.#mayChange(before, users[i]!);
        blocks[word] = isKept ? keeping.find : keeping.leave;
      });
    }
  }

  // Whether anything else of the launches from one user to the next lies in the operand's buffer, and so might be written.
  #mayChange(from: User, to: User): boolean {
    const buffer = to.operand.binding?.buffer;
    for (let i = from.launch; i <= to.launch; i++) {
      for (const o of this.#launches[i]!.operands) {
        if (o.binding?.buffer === buffer && o !== from.operand && o !== to.operand) return true;
      }
    }
    return false;
  }
}

const isSame = (a: LaunchOperand, b: LaunchOperand): boolean =>
  a.binding?.buffer === b.binding?.buffer && a.byteOffset === b.byteOffset;
