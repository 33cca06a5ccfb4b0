// Classes keep their names through esbuild, because errors and modules say them.
// In a bundle `class Adam` that mentions itself becomes `var Adam = class _Adam`; esbuild's own cure, keepNames, would
// slow down every closure.

/**
 * The bundle `code` with every such class called by its own name again.
 * @param {string} code
 */
export function keepClassNames(code) {
  const renamed = [...code.matchAll(/^var ([\w$]+) = class _\1(?![\w$])/gm)].map(([, name]) => name);
  if (renamed.length === 0) return code;
  const names = renamed.map((name) => name?.replaceAll("$", "\\$")).join("|");
  return code.replace(new RegExp(`(?<![.#\\w$])_(${names})(?![\\w$])`, "g"), "$1");
}
