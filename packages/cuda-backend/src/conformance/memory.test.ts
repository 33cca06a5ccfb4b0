import { conformOnEmulator } from "../testing/conformance.js";

conformOnEmulator("the CUDA backend", { levels: ["memory", "launches", "lifecycle"] });
