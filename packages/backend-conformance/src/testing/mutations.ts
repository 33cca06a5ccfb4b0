// Ways to break a backend: in its numbers, in what it makes of a launch, or in one of its members.

import type { Backend, DType, Launch, LaunchOperand, ReduceOp, ScalarOp } from "@torchium/tensor/backend";
import { type Arithmetic, createReferenceBackend, float64Arithmetic } from "@torchium/tensor/reference";
import type { CaseName } from "../all-cases.js";

/** Backends with one fault each, and the case that must find it. */
export type Faults = Readonly<Record<string, { readonly make: () => Backend; readonly foundBy: CaseName }>>;

/** Whether a launch runs a kernel, not an anchor. */
export const isKernel = ({ executable: { key } }: Launch): boolean => key.includes("|") && !/^[a-zA-Z]+\/\{/.test(key);

type Members = { readonly [M in keyof Backend]?: Backend[M] | undefined };

/** The backend with some members replaced. */
function withMembers(inner: Backend, members: (inner: Backend) => Members): Backend {
  const own = members(inner);
  return new Proxy(inner, {
    get(target, key) {
      if (key in own) return own[key as keyof Backend];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A reference backend with some members replaced. */
export const broken = (members: (inner: Backend) => Members): (() => Backend) => {
  return () => withMembers(createReferenceBackend({ limitBytes: 2 ** 28 }), members);
};

/** A reference backend that makes something else of each launch before it runs. */
export const brokenLaunches = (change: (launch: Launch) => Launch | undefined): (() => Backend) =>
  broken((inner) => ({ submit: (launches) => inner.submit(launches.flatMap((launch) => change(launch) ?? [])) }));

/** A reference backend that makes something else of each operand that has strides over all the launch's axes. */
export const brokenOperands = (
  change: (operand: LaunchOperand, sizes: readonly number[], key: string) => LaunchOperand,
): (() => Backend) =>
  brokenLaunches((launch) => {
    const { sizes, executable } = launch;
    return {
      ...launch,
      operands: launch.operands.map((o) => (o.strides.length === sizes.length ? change(o, sizes, executable.key) : o)),
    };
  });

/** A reference backend that computes in other numbers. */
export const brokenNumbers = (change: Partial<Arithmetic<number>>): (() => Backend) => {
  return () => createReferenceBackend({ limitBytes: 2 ** 28, arithmetic: { ...float64Arithmetic, ...change } });
};

type Operation = (a: number, b: number, c: number) => number;

/** Other meanings for some scalar operations. `right` is what the operation should give. */
export const brokenScalars = (
  change: (op: ScalarOp, type: DType, operandType: DType, right: number) => Operation | undefined,
): (() => Backend) =>
  brokenNumbers({
    apply: (op, type, operandType, args) => {
      const right = float64Arithmetic.apply(op, type, operandType, args);
      const [a = 0, b = 0, c = 0] = args;
      return change(op, type, operandType, right)?.(a, b, c) ?? right;
    },
  });

/** Other reductions: `change` maps the values of a row to those that take part. */
export const brokenReductions = (
  change: (op: ReduceOp, values: readonly number[], type: DType) => readonly number[],
): (() => Backend) =>
  brokenNumbers({
    reducer: (op, type) => {
      const values: number[] = [];
      return {
        add: (value) => values.push(value),
        result: () => {
          const right = float64Arithmetic.reducer(op, type);
          for (const value of change(op, values, type)) right.add(value);
          return right.result();
        },
      };
    },
  });

/** A device that rounds every operation to its type and adds in four interleaved sums. */
export const roundingArithmetic: Arithmetic<number> = {
  ...float64Arithmetic,
  apply: (op, type, operandType, args) => round(type, float64Arithmetic.apply(op, type, operandType, args)),
  reducer: (op, type) => {
    const parts = Array.from({ length: 4 }, () => ({
      reducer: float64Arithmetic.reducer(op, type),
      total: Number.NaN,
      count: 0,
    }));
    const join = { sum: "add", prod: "mul", max: "max", min: "min" } as const;
    const joined = (a: number, b: number) => round(type, float64Arithmetic.apply(join[op], type, type, [a, b]));
    let next = 0;
    return {
      add: (value) => {
        const part = parts[next++ % 4]!;
        part.total = part.count++ === 0 ? value : joined(part.total, value);
      },
      result: () => {
        const used = parts.filter((part) => part.count > 0).map((part) => part.total);
        return used.length === 0 ? parts[0]!.reducer.result() : used.reduceRight(joined);
      },
    };
  },
};

const round = (type: DType, value: number): number => (type === "float32" ? Math.fround(value) : value);
