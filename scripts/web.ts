// `npm run web`: serves the page of apps/web from source and prints its address. Arguments go to vite (`--host`, `--port`).
import { join } from "node:path";
import { root } from "./lib/repository.js";
import { runNode } from "./lib/tools.js";

const app = join(root, "apps/web");
const vite = join(app, "node_modules", "vite", "bin", "vite.js");
process.exitCode = (await runNode(vite, process.argv.slice(2), { cwd: app })).exitCode;
