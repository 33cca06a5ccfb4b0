// A program that uses a pool, waits with it idle, and ends without disposing of it. Prints the microseconds of processor
// time that the idle half second took.

import { ModuleBuilder } from "../../wasm/assembler.js";
import { commandFlags } from "../layout.js";
import { createPool } from "../pool.js";

const pool = await createPool({ threads: 3 });
const module = new ModuleBuilder();
module.importMemory("env", "memory", { shared: pool.shared });
module.function({ params: { params: "i32", thread: "i32", threads: "i32" }, export: "nothing" }, () => {});
const nothing = pool.register(module.finish(), "nothing");
for (let i = 0; i < 100; i++) pool.run(Int32Array.of(nothing, 0, commandFlags.parallel, 0), 1);
await new Promise((resolve) => setTimeout(resolve, 100));
const before = process.cpuUsage();
await new Promise((resolve) => setTimeout(resolve, 500));
const { user, system } = process.cpuUsage(before);
console.log(user + system);
