// `npm run bench`: runs every benchmark (packages/*/bench/*.bench.ts) in turn; arguments go to each.
// Benchmarks report; they never fail on a time.
import { filesUnder, root, workspacePackages } from "./lib/repository.js";
import { runNode } from "./lib/tools.js";

const benchmarks = workspacePackages().flatMap(({ folder }) =>
  filesUnder(`${folder}/bench`, (name) => name.endsWith(".bench.ts")),
);

for (const file of benchmarks) {
  console.log(`\n${file}`);
  const { exitCode } = await runNode(`${root}/scripts/run.mjs`, ["ts", file, ...process.argv.slice(2)]);
  if (exitCode !== 0) process.exitCode = exitCode;
}
