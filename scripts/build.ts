// `npm run build`: what the published packages ship, in each package's dist/.
import { buildPackages } from "./lib/tools.js";

process.exitCode = (await buildPackages()).exitCode;
