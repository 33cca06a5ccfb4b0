// Builds every entry that package.json exports.
import { libraryConfig } from "../../scripts/library-config.js";

export default libraryConfig(import.meta.url);
