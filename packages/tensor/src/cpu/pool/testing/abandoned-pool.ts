// A program that uses a pool, waits with it idle, uses it now and then, and ends without disposing of it. Prints the
// microseconds of processor time that the idle half second took, and those of half a second with a submit every 5 ms.

import { ModuleBuilder } from "../../wasm/assembler.js";
import { commandFlags } from "../layout.js";
import { createPool } from "../pool.js";

const pool = await createPool({ threads: 3 });
const module = new ModuleBuilder();
module.importMemory("env", "memory", { shared: pool.shared });
module.function({ params: { params: "i32", thread: "i32", threads: "i32" }, export: "nothing" }, () => {});
const nothing = pool.register(module.finish(), "nothing");
const submit = () => pool.run(Int32Array.of(nothing, 0, commandFlags.parallel, 0), 1);
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function processorTime(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

for (let i = 0; i < 100; i++) submit();
await wait(100);
const idle = await processorTime(() => wait(500));
const nowAndThen = await processorTime(async () => {
  for (let i = 0; i < 100; i++) {
    submit();
    await wait(5);
  }
});
console.log(JSON.stringify([idle, nowAndThen]));
