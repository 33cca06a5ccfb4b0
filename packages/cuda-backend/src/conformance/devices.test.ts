import { conformOnEmulator } from "../testing/conformance.js";

conformOnEmulator("the CUDA backend", { levels: ["fusion", "randomness", "training"], effort: 0.2 });
