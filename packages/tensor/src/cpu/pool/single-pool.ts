// A pool of one thread: the caller. Its memory is not shared, so it works in any page.

import { disposedError, Instances, type Kernel, messageOf, trapError } from "./kernels.js";
import type { Natives } from "./natives.js";
import type { Pool } from "./pool.js";

/** A pool without workers over `memory`. */
export function createSinglePool(memory: WebAssembly.Memory, natives?: Natives): Pool {
  const instances = new Instances(memory, natives?.connect(memory));
  const kernels: { readonly run: Kernel; readonly name: string }[] = [];
  let disposed = false;
  const run: Pool["run"] = (commands, count) => {
    if (disposed) throw disposedError();
    for (let i = 0; i < count; i++) {
      const kernel = kernels[commands[4 * i] as number];
      if (!kernel) throw trapError("?", 0, `no kernel has index ${commands[4 * i]}`);
      try {
        kernel.run(commands[4 * i + 1] as number, 0, 1);
      } catch (error) {
        throw trapError(kernel.name, 0, messageOf(error), error);
      }
    }
  };
  return {
    memory,
    shared: typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer,
    threads: 1,
    register(module, name) {
      if (disposed) throw disposedError();
      return kernels.push({ run: instances.kernel(module, name), name }) - 1;
    },
    begin(commands, count) {
      run(commands, count);
      return false;
    },
    join: () => {},
    run,
    dispose() {
      disposed = true;
    },
  };
}
