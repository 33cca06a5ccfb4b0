import { conformOnEmulator } from "../testing/conformance.js";

conformOnEmulator("the CUDA backend", { levels: ["ops"], effort: 0.2 });
