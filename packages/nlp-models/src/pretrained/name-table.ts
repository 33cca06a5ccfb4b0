// From the names of a foreign checkpoint to ours, by a table. Nothing is dropped silently: a tensor that is missing or
// that no rule takes is an error with its name.

import { cat, type Tensor, TensorError } from "@torchium/tensor";

/** Where one of our tensors comes from. `{i}` in names stands for the number of a layer. */
export type NameRule = {
  /** Our name. */
  readonly to: string;
  /** Theirs; several are joined along the first axis. */
  readonly from: string | readonly string[];
  /** Stored as [in, out] where ours is [out, in]. */
  readonly transposed?: boolean;
};

/** How a foreign checkpoint is read. */
export type NameTable = {
  readonly rules: readonly NameRule[];
  /** Files may put this before every name, or leave it out. */
  readonly prefix: string;
  /** Other spellings of the ends of their names. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Their tensors that are no weights of ours. */
  readonly ignored?: readonly RegExp[];
};

type Tensors = Readonly<Record<string, Tensor>>;

/**
 * The tensors under our names, `layers` of each rule with `{i}`.
 * @throws TensorError `format`, naming what is missing or unknown
 */
export function renameTensors(op: string, table: NameTable, tensors: Tensors, layers: number): Record<string, Tensor> {
  const { rules, prefix, ignored = [] } = table;
  const known = new Map(Object.entries(tensors).map(([name, tensor]) => [canonical(table, name), tensor]));
  const taken = new Set<string>();
  const missing: string[] = [];
  const renamed: Record<string, Tensor> = {};
  for (const { to, from, transposed } of rules) {
    const count = to.includes("{i}") ? layers : 1;
    for (let i = 0; i < count; i++) {
      const numbered = (name: string): string => name.replace("{i}", String(i));
      const names = [from].flat().map(numbered);
      const parts = names.flatMap((name) => known.get(name) ?? []);
      for (const name of names) {
        if (known.has(name)) taken.add(name);
        else missing.push(name);
      }
      if (parts.length < names.length) continue;
      const whole = parts.length === 1 ? parts[0]! : cat(parts, 0);
      renamed[numbered(to)] = transposed ? whole.T : whole;
    }
  }
  const unknown = [...known.keys()].filter((name) => !taken.has(name) && !ignored.some((rule) => rule.test(name)));
  if (missing.length + unknown.length === 0) return renamed;
  const problems = [said("missing", missing), said("unknown", unknown)].filter((text) => text !== "");
  const message = `${op}: the checkpoint's tensors are not those of its configuration: ${problems.join("; ")}`;
  throw new TensorError("format", message, { op, prefix, missing, unknown });
}

/** Whether a checkpoint has a tensor of that name. */
export const hasTensor = (table: NameTable, tensors: Tensors, name: string): boolean =>
  Object.keys(tensors).some((given) => canonical(table, given) === name);

function canonical({ prefix, aliases = {} }: NameTable, name: string): string {
  const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  const alias = Object.entries(aliases).find(([end]) => bare.endsWith(end));
  return alias ? bare.slice(0, -alias[0].length) + alias[1] : bare;
}

const shownNames = 8;

function said(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const more = names.length > shownNames ? `, … (${names.length} in all)` : "";
  return `${what} ${names.slice(0, shownNames).join(", ")}${more}`;
}
