// A backend whose buffers all lie in one, as core's temporaries do: then every operand of a launch shares one binding,
// which is written.

import type { Backend, BufferHandle, Launch, LaunchOperand } from "@torchium/tensor/backend";

class Part implements BufferHandle {
  readonly byteLength: number;
  readonly start: number;
  constructor(byteLength: number, start: number) {
    this.byteLength = byteLength;
    this.start = start;
  }
}

/** `backend` with one buffer of `byteLength` bytes behind all others; parts are not reused until all are released. */
export function inOneBuffer(backend: Backend, byteLength: number): Backend {
  const whole = backend.allocate(byteLength);
  const base = backend.memory().liveBytes;
  let next = 0;
  let parts = 0;
  const moved = (operand: LaunchOperand): LaunchOperand => {
    const { binding, byteOffset } = operand;
    const buffer = binding?.buffer;
    return buffer instanceof Part
      ? { ...operand, binding: { buffer: whole }, byteOffset: byteOffset + buffer.start }
      : operand;
  };
  const own: Partial<Backend> = {
    allocate: (length) => {
      if (parts++ === 0) next = 0;
      const part = new Part(length, next);
      next += Math.ceil(length / 256) * 256;
      return part;
    },
    release: () => {
      parts--;
    },
    write: (buffer, bytes, offset = 0) => backend.write(whole, bytes, (buffer as Part).start + offset),
    read: (buffer, offset = 0, length = buffer.byteLength - offset) =>
      backend.read(whole, (buffer as Part).start + offset, length),
    submit: (launches) =>
      backend.submit(launches.map((launch): Launch => ({ ...launch, operands: launch.operands.map(moved) }))),
    memory: () => ({ ...backend.memory(), liveBytes: backend.memory().liveBytes - base }),
  };
  return new Proxy(backend, {
    get: (target, name) => {
      const value: unknown = own[name as keyof Backend] ?? Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
