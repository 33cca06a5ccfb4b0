// Functions of float64 that WebAssembly lacks: JavaScript's Math, called lane by lane, and erf. Correct, not fast:
// float64 serves gradient checks.

import type { Program } from "../../kernel/program.js";
import { type FunctionBuilder, type FunctionRef, f64, f64x2, type ModuleBuilder, v128 } from "../wasm/assembler.js";
import { each, type Vectors } from "./lanes.js";
import { someExpr } from "./program-shape.js";

const unary = ["exp", "log", "log1p", "expm1", "tanh", "sin", "cos"] as const;

/** Name of a float64 function of one number. */
export type DoubleFunction = (typeof unary)[number] | "erf";

// The namespace from which modules import JavaScript's Math.
const mathNamespace = "math";

/** The float64 functions of one module. */
export type DoubleMath = {
  readonly unary: (f: FunctionBuilder, name: DoubleFunction, x: Vectors) => Vectors;
  readonly pow: (f: FunctionBuilder, base: Vectors, exponent: Vectors) => Vectors;
};

/** Whether a program needs any of them. */
export function usesDoubleMath(program: Program): boolean {
  const names: ReadonlySet<string> = new Set([...unary, "erf", "pow"]);
  return someExpr(program, (e) => e.kind === "apply" && e.type === "float64" && names.has(e.op));
}

/** Imports the functions into a module; before its first function. */
export function importDoubleMath(module: ModuleBuilder): DoubleMath {
  const imported = (name: string, arity: number): FunctionRef<"f64"> =>
    module.importFunction(mathNamespace, name, { params: new Array<"f64">(arity).fill("f64"), result: "f64" });
  const functions = new Map<DoubleFunction, FunctionRef<"f64">>(unary.map((name) => [name, imported(name, 1)]));
  const pow = imported("pow", 2);
  functions.set("erf", defineErf(module, functions.get("exp")!));
  return {
    unary: (f, name, x) => eachLane(f, functions.get(name)!, [x]),
    // JavaScript gives NaN for 1 to the power of NaN, and for ±1 to an infinite power; here both are 1.
    pow: (f, base, exponent) => {
      const one = f.constants.f64x2(1);
      const infinity = f.constants.f64x2(Number.POSITIVE_INFINITY);
      return each(f, [eachLane(f, pow, [base, exponent]), base, exponent], (power, x, n) => {
        const unit = v128.and(f64x2.eq(f64x2.abs(x), one), f64x2.eq(f64x2.abs(n), infinity));
        return v128.bitselect(one, power, v128.or(unit, f64x2.eq(x, one)));
      });
    },
  };
}

function eachLane(f: FunctionBuilder, callee: FunctionRef<"f64">, args: readonly Vectors[]): Vectors {
  return each(f, args, (...xs) => {
    const low = f.call(callee, ...xs.map((x) => f64x2.extractLane(x, 0)));
    const high = f.call(callee, ...xs.map((x) => f64x2.extractLane(x, 1)));
    return f64x2.replaceLane(f64x2.splat(low), 1, high);
  });
}

// The series and the continued fraction of kernel/numeric.ts.
function defineErf(module: ModuleBuilder, exp: FunctionRef<"f64">): FunctionRef<"f64"> {
  return module.function({ params: { x: "f64" }, result: "f64" }, (f, { x }) => {
    const magnitude = f.local("f64", f64.abs(x));
    const n = f.local("f64");
    f.if(f64.gt(magnitude, 6), () => f.return(f64.copysign(1, x)));
    const square = f.local("f64", f64.mul(x, x));
    const gaussian = f.local("f64", f.call(exp, f64.neg(square)));
    f.if(f64.lt(magnitude, 3), () => {
      const term = f.local("f64", x);
      const sum = f.local("f64", x);
      const twice = f64.mul(2, n);
      f.set(n, 1);
      f.while(f64.gt(f64.abs(term), f64.mul(1e-17, f64.abs(sum))), () => {
        f.set(term, f64.mul(term, f64.div(f64.mul(2, square), f64.add(twice, 1))));
        f.set(sum, f64.add(sum, term));
        f.set(n, f64.add(n, 1));
      });
      f.return(f64.mul(f64.mul(2 / Math.sqrt(Math.PI), gaussian), sum));
    });
    const fraction = f.local("f64", 0);
    f.set(n, 60);
    f.while(f64.gt(n, 0), () => {
      f.set(fraction, f64.div(f64.mul(n, 0.5), f64.add(magnitude, fraction)));
      f.set(n, f64.sub(n, 1));
    });
    const tail = f64.div(gaussian, f64.mul(Math.sqrt(Math.PI), f64.add(magnitude, fraction)));
    f.return(f64.copysign(f64.sub(1, tail), x));
  });
}
