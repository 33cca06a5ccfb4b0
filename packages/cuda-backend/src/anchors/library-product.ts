// One launch of a product by cuBLASLt: what the library is told, and where its operands are.

import {
  byteLengthOf,
  type DType,
  type FloatType,
  input,
  type Kernel,
  kernelOf,
  type Launch,
  type LaunchOperand,
  makeProgram,
  scalarAlgebra as s,
} from "@torchium/tensor/backend";
import { addressOf, ScratchBuffer, type Work } from "../run/executable.js";
import { KernelExecutable } from "../run/kernel-executable.js";
import type { Session } from "../run/session.js";
import type { CublasLt } from "./cublaslt.js";
import { type LibraryEpilogue, type LibraryMap, libraryEpilogue, libraryMapOf, type TypedOperand } from "./epilogue.js";
import { alignmentOf, planProduct } from "./matmul-layout.js";

/** A product of factors of `type`, and the map behind it, whose operands are the launch's last. */
export type WholeProduct = {
  readonly type: FloatType;
  readonly map: LibraryMap;
  /** Types of the map's inputs, the product being the first, and of its outputs. */
  readonly inputs: readonly DType[];
  readonly outputs: readonly DType[];
};

/** The map that a product without an epilogue is. */
export const plainProduct = (type: FloatType): WholeProduct => ({
  type,
  map: { output: 0, type, addends: [], gelu: undefined },
  inputs: [type],
  outputs: [type],
});

/** A product with an epilogue, or undefined where the library does not compute that map. */
export function wholeProduct(epilogue: Kernel, type: FloatType): WholeProduct | undefined {
  const map = libraryMapOf(epilogue, type);
  const { inputs, outputs } = epilogue.program;
  return map && { type, map, inputs: inputs.map((x) => x.type), outputs: outputs.map((o) => o.expr.type) };
}

/** The work of a launch, or undefined where the library does not run it. */
export function libraryProduct(
  library: CublasLt,
  { type, map, inputs, outputs }: WholeProduct,
  session: Session,
  { sizes, operands, label }: Pick<Launch, "sizes" | "operands" | "label">,
): Work | undefined {
  const [a, b, ...others] = operands as [LaunchOperand, LaunchOperand, ...LaunchOperand[]];
  // The product itself is no operand.
  const typed = (of: readonly DType[], from: number): TypedOperand[] =>
    of.map((own, i) => ({ operand: others[from + i]!, type: own }));
  const written = typed(outputs, inputs.length - 1);
  const { operand: out } = written[map.output]!;
  // Behind an epilogue outputs have no axis of K.
  const planned = planProduct(sizes, [a.strides, b.strides, [...out.strides.slice(0, sizes.length - 1), 0]]);
  if (!planned) return undefined;
  const { product, starts } = planned;
  const epilogue = libraryEpilogue(map, type, typed(inputs, -1), written, product);
  if (!epilogue || (starts.length > 1 && (map.addends.length > 0 || map.gelu))) return undefined;
  const { c, bias, aux } = epilogue;
  const [unit, outUnit] = [byteLengthOf(type), byteLengthOf(map.type)];
  const axes = sizes.length - 3;
  const alignments = [
    ...(product.swapped ? [b, a] : [a, b]).map((o) => alignmentOf(o, unit, axes)),
    ...[c?.operand ?? out, out].map((o) => alignmentOf(o, outUnit, axes)),
  ];
  const lies = (x: LibraryEpilogue["c"]) =>
    x && { rows: x.rows, columns: x.columns, leading: x.leading, transposed: false };
  const plan = library.plan(type, product, alignments, {
    type: map.type,
    c: lies(c),
    bias: bias !== undefined,
    gelu: map.gelu?.form,
    aux: lies(aux),
  });
  if (!plan) return undefined;
  const at = (x: TypedOperand | undefined): number | undefined => x && addressOf(x.operand, byteLengthOf(x.type));
  const enqueue = (biasAt: number | undefined): void => {
    const [fromA, fromB, toD] = [addressOf(a, unit), addressOf(b, unit), addressOf(out, outUnit)];
    for (const [atA, atB, atD] of starts) {
      const [first, second] = [fromA + atA * unit, fromB + atB * unit];
      const factors = product.swapped ? { a: second, b: first } : { a: first, b: second };
      library.run(session, plan, { ...factors, c: at(c), bias: biasAt, aux: at(aux), d: toD + atD * outUnit }, label);
    }
  };
  if (!bias || bias.type === map.type) return { enqueue: () => enqueue(at(bias)) };
  const count = product.d.rows;
  const converted = new ScratchBuffer(session.memory, count * outUnit);
  const from = { ...bias.operand, strides: [bias.step] };
  const kernel = conversion(bias.type, map.type, bias.step === 1);
  const convert = kernel.work(session, {
    executable: kernel,
    sizes: [count],
    operands: [from, { binding: { buffer: converted }, byteOffset: 0, strides: [1], offset: 0 }],
    scalars: [],
    stage: 0,
    label,
  });
  return {
    enqueue: () =>
      session.withScratch(converted.byteLength, (address) => {
        converted.address = address;
        convert.enqueue();
        enqueue(address);
      }),
  };
}

const conversions = new Map<string, KernelExecutable>();

/** What converts a vector, dense or not, of one type to another. */
function conversion(from: DType, to: FloatType, dense: boolean): KernelExecutable {
  const key = `${from}/${to}/${dense}`;
  let made = conversions.get(key);
  if (!made) {
    const program = makeProgram({
      inputs: [{ kind: "buffer", type: from, role: "full" }],
      scalars: [],
      reduces: [],
      outputs: [{ expr: s.cast(input(0, from, "full"), to), role: "full" }],
    });
    made = new KernelExecutable(kernelOf(program, { sizes: [2], strides: [[dense ? 1 : 2], [1]] }));
    conversions.set(key, made);
  }
  return made;
}
