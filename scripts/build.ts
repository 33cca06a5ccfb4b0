// `npm run build`: what the published packages ship, in each package's dist/.
import { readCommandLine } from "./lib/command-line.js";
import { buildPackages } from "./lib/tools.js";

readCommandLine({
  name: "build",
  about: "Builds what the published packages ship, in each package's dist/.",
  options: {},
});

process.exitCode = (await buildPackages()).exitCode;
