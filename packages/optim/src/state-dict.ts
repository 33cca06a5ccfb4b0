// What an optimizer stores in a checkpoint, and how much of it is checked before anything is taken over.

import { assignAll, hostValues, Tensor, TensorError, tensor, zeros } from "@torchium/tensor";
import type { StateSlot } from "./declaration.js";
import type { ParamGroup } from "./parameters.js";

/** What an optimizer knows of one parameter. */
export type ParameterState = {
  /** Steps done. */
  readonly step: number;
  readonly tensors: Readonly<Record<string, Tensor>>;
};

/** The state of an optimizer in PyTorch's structure: parameters are numbered through all groups. */
export type OptimizerState = {
  /** By the parameter's number: its step count and its tensors. */
  readonly state: Readonly<Record<string, Readonly<Record<string, Tensor | number>>>>;
  /** The options of each group, and the numbers of its parameters. */
  readonly paramGroups: readonly (Readonly<Record<string, unknown>> & { readonly params: readonly number[] })[];
};

type Checked = {
  readonly options: readonly Readonly<Record<string, unknown>>[];
  readonly states: readonly (readonly [Tensor, ParameterState])[];
};

/** The parts of a state, once they fit the groups. @throws TensorError `format`, `device` */
export function checkState(
  op: string,
  groups: readonly ParamGroup<object>[],
  slots: Readonly<Record<string, StateSlot<never>>>,
  given: unknown,
): Checked {
  const { state, paramGroups } = (given ?? {}) as Partial<OptimizerState>;
  if (typeof state !== "object" || state === null || !Array.isArray(paramGroups)) {
    throw formatError(op, `the state needs \`state\` and \`paramGroups\`, got ${describe(given)}`);
  }
  if (paramGroups.length !== groups.length) {
    throw formatError(op, `the number of groups differs, got ${paramGroups.length}, expected ${groups.length}`);
  }
  paramGroups.forEach((group: { readonly params?: unknown }, i) => {
    const count = Array.isArray(group?.params) ? group.params.length : undefined;
    const expected = groups[i]!.params.length;
    if (count !== expected) {
      throw formatError(op, `the number of parameters in group ${i} differs, got ${count}, expected ${expected}`);
    }
  });
  const options = paramGroups.map(({ params, ...rest }: { readonly params: readonly number[] }) => rest);
  const numbered = new Map<string, Tensor>();
  groups.forEach(({ params }, i) => params.forEach((p, k) => numbered.set(`${paramGroups[i]!.params[k]}`, p)));
  const states = Object.entries(state).map(([number, one]): readonly [Tensor, ParameterState] => {
    const parameter = numbered.get(number);
    if (!parameter) throw formatError(op, `there is no parameter of that number, got ${number}`);
    return [parameter, checkParameterState(op, number, parameter, slots, one)];
  });
  return { options, states };
}

function checkParameterState(
  op: string,
  number: string,
  parameter: Tensor,
  slots: Readonly<Record<string, StateSlot<never>>>,
  given: Readonly<Record<string, unknown>>,
): ParameterState {
  const { step, ...tensors } = given ?? {};
  if (!Number.isSafeInteger(step) || (step as number) < 0) {
    throw formatError(op, `step of parameter ${number} must be a whole number, got ${describe(step)}`);
  }
  const moved: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(tensors)) {
    const slot = Object.hasOwn(slots, name) ? slots[name] : undefined;
    const field = `${name} of parameter ${number}`;
    if (!slot)
      throw formatError(op, `${field} is no state of this optimizer, expected ${Object.keys(slots).join(", ")}`);
    if (!(value instanceof Tensor)) throw formatError(op, `${field} must be a tensor, got ${describe(value)}`);
    const expected = slot.shape === "parameter" ? parameter.shape : [];
    if (value.shape.join() !== expected.join() || value.ndim !== expected.length) {
      throw formatError(
        op,
        `${field} has the wrong shape, got [${value.shape.join(", ")}], expected [${expected.join(", ")}]`,
      );
    }
    moved[name] = onDevice(op, field, value, parameter);
  }
  return { step: step as number, tensors: moved };
}

/** The value on the parameter's device, at once: possible when it is there or the host still holds it. */
function onDevice(op: string, field: string, value: Tensor, { device }: Tensor): Tensor {
  if (value.device === device) return value;
  const host = hostValues(value);
  if (host) return tensor(host, { shape: value.shape, device });
  const got = `got ${value.device.name}, expected ${device.name}`;
  throw new TensorError("device", `${op}: ${field} is on another device, ${got}; load it there with { device }`, {
    op,
  });
}

/** Copies in the parameters' dtypes, so that updates of one optimizer do not show in another. */
export function copyTensors(op: string, states: Checked["states"]): readonly (readonly [Tensor, ParameterState])[] {
  const pairs: [Tensor, Tensor][] = [];
  const copies = states.map(([parameter, { step, tensors }]) => {
    const own = Object.entries(tensors).map(([name, value]) => {
      const copy = zeros(value.shape, { dtype: parameter.dtype, device: parameter.device });
      pairs.push([copy, value.to(parameter.dtype)]);
      return [name, copy] as const;
    });
    return [parameter, { step, tensors: Object.fromEntries(own) }] as const;
  });
  for (const device of new Set(pairs.map(([copy]) => copy.device))) {
    assignAll(
      pairs.filter(([copy]) => copy.device === device),
      `${op}.loadStateDict`,
    );
  }
  return copies;
}

const formatError = (op: string, why: string): TensorError =>
  new TensorError("format", `${op}.loadStateDict: ${why}`, { op });

const describe = (value: unknown): string =>
  value instanceof Tensor ? `${value}` : (JSON.stringify(value) ?? typeof value);
