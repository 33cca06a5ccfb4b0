// Builds the page from the packages' sources. `vite` serves it; with the two headers below the page may use threads.
import { defineConfig } from "vite";

/** What makes a page cross-origin isolated, so that its workers may share memory. */
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

// Node's modules are imported where they are used, and no page comes there.
const rolldownOptions = { external: [/^node:/] };

export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the page works in any folder of any site.
  base: "./",
  resolve: { conditions: ["@torchium/source", "module", "browser", "import", "default"] },
  build: { target: "es2022", outDir: "dist", emptyOutDir: true, rolldownOptions },
  worker: { format: "es", rolldownOptions },
  server: { headers: isolation },
  preview: { headers: isolation },
});
