// `npm run web`: serves the page of apps/web from source and prints its address. Arguments go to vite (`--host`, `--port`).
import { join } from "node:path";
import { passedOn } from "./lib/command-line.js";
import { root } from "./lib/repository.js";
import { runNode } from "./lib/tools.js";

const args = passedOn({ name: "web", about: "Serves the page of apps/web from source.", tool: "vite" });
const app = join(root, "apps/web");
const vite = join(app, "node_modules", "vite", "bin", "vite.js");
process.exitCode = (await runNode(vite, args, { cwd: app })).exitCode;
