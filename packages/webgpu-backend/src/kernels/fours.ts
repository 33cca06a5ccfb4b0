// Four places of a row at a time: what lies side by side is read and written as vectors of four.

import { isHalf, type Kernel, type Launch, type Program, visit } from "@torchium/tensor/backend";

type Visited = Parameters<typeof visit>[0];

/** Operations of a program. */
export function operationsOf({ reduces, outputs }: Program): number {
  let operations = 0;
  const seen = new Set<Visited>();
  for (const e of [...reduces.map((r) => r.of), ...outputs.map((o) => o.expr)]) {
    visit(e, seen, (x) => {
      if (x.kind === "apply") operations++;
    });
  }
  return operations;
}

/** Which operands lie side by side along the row, those without memory aside. */
export const denseAlongRow = ({ program, rank, access }: Kernel): boolean[] =>
  access.map((own, i) => own[rank - 1] === 1 && program.inputs[i]?.kind !== "index");

/** Whether the vectors of all `dense` operands of a launch begin where those of memory do. */
export const fitsFours = (
  { sizes, operands }: Pick<Launch, "sizes" | "operands">,
  dense: readonly boolean[],
): boolean =>
  sizes[sizes.length - 1]! % 4 === 0 &&
  operands.every(
    ({ strides, offset }, i) => !dense[i] || (offset % 4 === 0 && strides.slice(0, -1).every((s) => s % 4 === 0)),
  );

/** Which of the `dense` operands are vectors of memory: four numbers of 16 bits are two words. */
export const vectorsOf = ({ inputs, outputs }: Program, dense: readonly boolean[]): boolean[] =>
  [...inputs, ...outputs.map((y) => y.expr)].map(({ type }, i) => dense[i]! && !isHalf(type));
