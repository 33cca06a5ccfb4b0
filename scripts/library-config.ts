// The one build recipe of every published package: its entries are what its package.json exports.
import { readFileSync } from "node:fs";
import { defineConfig } from "tsup";
import { keepClassNames } from "./class-names.mjs";

interface ExportTarget {
  readonly "@torchium/source"?: string;
}

/** tsup's configuration for the package whose tsup.config.ts has the URL `configUrl`. */
export function libraryConfig(configUrl: string) {
  const manifest = JSON.parse(readFileSync(new URL("./package.json", configUrl), "utf8")) as {
    readonly exports: Readonly<Record<string, string | ExportTarget>>;
  };
  const sources = Object.values(manifest.exports).flatMap((target) =>
    typeof target === "string" ? [] : (target["@torchium/source"] ?? []),
  );
  const entry = Object.fromEntries(sources.map((path) => [path.replace(/^\.\/src\/|\.ts$/g, ""), path]));
  return defineConfig({
    entry,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    // Other packages are seen as users see them: a type that they do not export cannot slip into a declaration.
    dts: { compilerOptions: { customConditions: [] } },
    sourcemap: true,
    splitting: true,
    // Node modules are imported where they are used, by their full name, and never bundled.
    external: [/^node:/],
    removeNodeProtocol: false,
    clean: true,
    plugins: [{ name: "keep-class-names", renderChunk: (code, { map }) => ({ code: keepClassNames(code), map }) }],
  });
}
