// What the display needs to know about where its text goes.

/** A place for text: a person's terminal, or a file or pipe. */
export interface Terminal {
  /** Whether a line can be rewritten in place. */
  readonly live: boolean;
  /** Whether colours are wanted. */
  readonly colour: boolean;
  /** Characters a line. */
  readonly columns: number;
  write(text: string): void;
}

/** Codes that begin and end each style (ECMA-48, "select graphic rendition"). */
const styles = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

/** How a piece of text stands out. */
export type Style = keyof typeof styles;

/** The part of a Node stream that matters here. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** The terminal behind a stream. Plain where there is no terminal, on CI, and where NO_COLOR or TERM=dumb asks for it. */
export function terminalOf(stream: TextStream, env: Readonly<Record<string, string | undefined>>): Terminal {
  const plain = Boolean(env.NO_COLOR) || Boolean(env.CI) || env.TERM === "dumb";
  const live = stream.isTTY === true && !plain;
  return {
    live,
    colour: live,
    get columns() {
      // A terminal whose size is not known says 0.
      return stream.columns || 80;
    },
    write: (text) => void stream.write(text),
  };
}

/** `text` in a style, where the terminal shows styles. */
export function styled(terminal: Terminal, style: Style, text: string): string {
  const [begin, end] = styles[style];
  return terminal.colour ? `\x1b[${begin}m${text}\x1b[${end}m` : text;
}
