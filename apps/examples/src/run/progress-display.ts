// How training looks while it runs: one line rewritten in place on a terminal, a plain line now and then elsewhere.
import { styled, type Terminal } from "../cli/terminal.js";
import { formatBytes, formatCount, formatScore, formatSeconds } from "./format.js";

/** What is known about a run at a moment; what is not known yet is left out. */
export interface ProgressState {
  /** Steps done, of `steps`. */
  readonly step: number;
  readonly steps: number;
  /** What a step works through, for the rate: "tokens", "pairs". */
  readonly unit: string;
  /** The evaluation that is going on: how many of its batches are done. */
  readonly evaluation?: { readonly name: string; readonly done: number; readonly of: number };
  readonly loss?: number;
  /** The loss of the last evaluation. */
  readonly validationLoss?: number;
  readonly tokensPerSecond?: number;
  readonly secondsLeft?: number;
  readonly memoryBytes?: number;
}

/** Milliseconds between two drawings of the live line, and between two plain lines. */
const interval = { live: 100, plain: 5000 } as const;

const eraseLine = "\r\x1b[2K";

/** Shows the progress of one run. */
export class ProgressDisplay {
  readonly #terminal: Terminal;
  readonly #clock: () => number;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #line = "";

  /**
   * @param clock Milliseconds since any moment.
   */
  constructor(terminal: Terminal, clock: () => number) {
    this.#terminal = terminal;
    this.#clock = clock;
  }

  /** Whether `update` would show a state now. What is costly to find out (the process's memory) can wait for that. */
  get isDue(): boolean {
    const { live, plain } = interval;
    return this.#clock() - this.#drawnAt >= (this.#terminal.live ? live : plain);
  }

  /** Shows a state, unless one was shown a moment ago; `force` shows it in any case. */
  update(state: ProgressState, force = false): void {
    if (!force && !this.isDue) return;
    this.#drawnAt = this.#clock();
    if (this.#terminal.live) this.#draw(this.#liveLine(state));
    else this.#terminal.write(`${plainLine(state)}\n`);
  }

  /** Prints a line that stays, above the live one. */
  note(text: string): void {
    this.#terminal.write(this.#line === "" ? `${text}\n` : `${eraseLine}${text}\n${this.#line}`);
  }

  /** Leaves the live line as it is: what is printed next starts on a new one. */
  end(): void {
    if (this.#line !== "") this.#terminal.write("\n");
    this.#line = "";
  }

  #draw(line: string): void {
    this.#line = line;
    this.#terminal.write(eraseLine + line);
  }

  #liveLine(state: ProgressState): string {
    const share = state.step / state.steps;
    const head = `${state.step}/${state.steps}  ${Math.floor(share * 100)} %`;
    const room = this.#terminal.columns - 1;
    const fields = fit([head.length, ...parts(state).map(fieldWidth)], room);
    const shown = parts(state).slice(0, Math.max(0, fields - 1));
    const used = head.length + shown.reduce((sum, part) => sum + 2 + fieldWidth(part), 0);
    const bar = this.#bar(share, Math.min(24, room - used - 2));
    const texts = shown.map(({ before, value, after }) => {
      const dim = (text: string) => (text === "" ? "" : styled(this.#terminal, "dim", text));
      return dim(before) + value + dim(after);
    });
    return [styled(this.#terminal, "bold", head), ...(bar === "" ? [] : [bar]), ...texts].join("  ");
  }

  #bar(share: number, width: number): string {
    if (width < 6) return "";
    const done = Math.round(Math.min(1, share) * width);
    return styled(this.#terminal, "cyan", "━".repeat(done)) + styled(this.#terminal, "dim", "─".repeat(width - done));
  }
}

interface Part {
  readonly before: string;
  readonly value: string;
  readonly after: string;
}

/** The fields after the step count, in the order in which a narrow terminal keeps them. */
function parts(state: ProgressState): Part[] {
  const { unit, evaluation, loss, validationLoss, tokensPerSecond, secondsLeft, memoryBytes } = state;
  const all: (Part | undefined)[] = [
    evaluation && { before: `${evaluation.name} batch `, value: `${evaluation.done}/${evaluation.of}`, after: "" },
    loss === undefined ? undefined : { before: "loss ", value: formatScore(loss), after: "" },
    validationLoss === undefined ? undefined : { before: "validation ", value: formatScore(validationLoss), after: "" },
    secondsLeft === undefined ? undefined : { before: "", value: formatSeconds(secondsLeft), after: " left" },
    tokensPerSecond === undefined
      ? undefined
      : { before: "", value: formatCount(tokensPerSecond), after: ` ${unit}/s` },
    memoryBytes === undefined ? undefined : { before: "", value: formatBytes(memoryBytes), after: "" },
  ];
  return all.filter((part) => part !== undefined);
}

function fieldWidth({ before, value, after }: Part): number {
  return before.length + value.length + after.length;
}

/** How many of the widths, two spaces apart, fit into `room`. */
function fit(widths: readonly number[], room: number): number {
  let used = -2;
  const overflow = widths.findIndex((width) => {
    used += 2 + width;
    return used > room;
  });
  return overflow < 0 ? widths.length : overflow;
}

function plainLine(state: ProgressState): string {
  const texts = parts(state).map(({ before, value, after }) => before + value + after);
  return [`step ${state.step}/${state.steps}`, ...texts].join("  ");
}
