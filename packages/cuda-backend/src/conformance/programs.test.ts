import { conformOnEmulator } from "../testing/conformance.js";

conformOnEmulator("the CUDA backend", { levels: ["programs"] });
