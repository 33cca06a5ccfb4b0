// The arguments of a kernel: one structure by value, laid out here as C does, so that the kernel's text and the bytes
// given at launch follow from one list.

/** The types of fields. `index` has four or eight bytes, by the kernel. */
export type FieldType = "pointer" | "index" | "int" | "float" | "double" | "unsigned";

/** One field, or an array of them. */
export type Field = { readonly name: string; readonly type: FieldType; readonly count?: number };

const byteLengths = { pointer: 8, int: 4, float: 4, double: 8, unsigned: 4 } as const;

/** What a structure holds and where. */
export class ParamsLayout {
  readonly fields: readonly Field[];
  readonly wide: boolean;
  readonly byteLength: number;
  readonly #offsets = new Map<string, number>();
  readonly #types = new Map<string, FieldType>();

  /** @param wide whether `index` has eight bytes: for operands with 2³¹ elements or more */
  constructor(fields: readonly Field[], wide: boolean) {
    this.fields = fields;
    this.wide = wide;
    let end = 0;
    for (const { name, type, count = 1 } of fields) {
      const size = this.#sizeOf(type);
      end = Math.ceil(end / size) * size;
      this.#offsets.set(name, end);
      this.#types.set(name, type);
      end += size * count;
    }
    this.byteLength = Math.ceil(end / 8) * 8;
  }

  /** The declaration in CUDA C++, with `index_t`. */
  declaration(): string {
    const declare = ({ name, type, count }: Field): string => {
      const word = type === "pointer" ? "void*" : type === "index" ? "index_t" : type;
      return `  ${word} ${name}${count === undefined ? "" : `[${count}]`};`;
    };
    const index = `typedef ${this.wide ? "long long" : "int"} index_t;`;
    return [index, "struct __align__(8) Params {", ...this.fields.map(declare), "};"].join("\n");
  }

  /** Bytes to fill for a launch. */
  block(): ParamsBlock {
    return new ParamsBlock(this);
  }

  /** Where an element of a field lies. */
  place(name: string, at = 0): Place {
    const type = this.#types.get(name)!;
    return { offset: this.#offsets.get(name)! + at * this.#sizeOf(type), type };
  }

  #sizeOf(type: FieldType): number {
    return type === "index" ? (this.wide ? 8 : 4) : byteLengths[type];
  }
}

/** Where an element of a field lies, and of which type it is. */
export type Place = { readonly offset: number; readonly type: FieldType };

/** Arguments as a launch takes them: `version` is another whenever the bytes are. */
export type Arguments = { readonly bytes: Uint8Array; readonly version: number };

/** The arguments of one launch. */
export class ParamsBlock implements Arguments {
  readonly bytes: Uint8Array;
  version = 0;
  readonly #layout: ParamsLayout;
  readonly #view: DataView;
  /** What was put where, by words of four bytes: most of it stays from launch to launch. */
  readonly #values: (number | undefined)[];

  constructor(layout: ParamsLayout) {
    this.#layout = layout;
    this.bytes = new Uint8Array(layout.byteLength);
    this.#view = new DataView(this.bytes.buffer);
    this.#values = new Array<number | undefined>(layout.byteLength / 4).fill(undefined);
  }

  /** Puts a number into a field, or into element `at` of it. */
  set(name: string, value: number, at = 0): void {
    this.put(this.#layout.place(name, at), value);
  }

  /** The same for a place that was looked up before. */
  put({ offset, type }: Place, value: number): void {
    if (Object.is(this.#values[offset / 4], value)) return;
    this.#values[offset / 4] = value;
    this.version++;
    if (type === "pointer" || (type === "index" && this.#layout.wide)) {
      // Two halves: numbers keep 53 bits, and BigInt would cost more than the launch.
      this.#view.setUint32(offset, value >>> 0, true);
      this.#view.setInt32(offset + 4, Math.floor(value / 2 ** 32), true);
    } else if (type === "float") this.#view.setFloat32(offset, value, true);
    else if (type === "double") this.#view.setFloat64(offset, value, true);
    else this.#view.setInt32(offset, value, true);
  }

  /** Puts numbers into an array field. */
  setAll(name: string, values: readonly number[]): void {
    values.forEach((value, at) => {
      this.set(name, value, at);
    });
  }
}
