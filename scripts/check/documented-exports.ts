// Every name that a package exports has a sentence of documentation where it is declared: a docstring, or the `doc`
// of a declaration such as an op's, from which the documentation is made.
import { join, relative } from "node:path";
import ts from "typescript";
import { packageEntries, publishedPackages, root } from "../lib/repository.js";

/** The compiler options of the repository, as tsconfig.base.json has them. */
export function compilerOptions(): ts.CompilerOptions {
  const path = join(root, "tsconfig.base.json");
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options;
}

function locationOf(symbol: ts.Symbol): string {
  const declaration = symbol.declarations?.[0];
  if (declaration === undefined) return "(no declaration)";
  const source = declaration.getSourceFile();
  const line = source.getLineAndCharacterOfPosition(declaration.getStart()).line + 1;
  return `${relative(root, source.fileName).replaceAll("\\", "/")}:${line}`;
}

/** The comment at the head of a whole module (`export * as init from …`). */
export function moduleDoc({ valueDeclaration }: ts.Symbol): string | undefined {
  if (valueDeclaration === undefined || !ts.isSourceFile(valueDeclaration)) return undefined;
  const [head = ""] = /^(\/\/.*\n)*/.exec(valueDeclaration.text) ?? [];
  return head.replaceAll(/^\/\/ ?/gm, "").trim() || undefined;
}

/** What a constant made from a declaration says of itself: `declare("add", { doc: "…" })`. */
export function declaredDoc({ valueDeclaration }: ts.Symbol): string | undefined {
  if (valueDeclaration === undefined || !ts.isVariableDeclaration(valueDeclaration)) return undefined;
  const { initializer } = valueDeclaration;
  if (initializer === undefined || !ts.isCallExpression(initializer)) return undefined;
  for (const property of initializer.arguments.flatMap((one) =>
    ts.isObjectLiteralExpression(one) ? one.properties : [],
  )) {
    if (!ts.isPropertyAssignment(property) || property.name.getText() !== "doc") continue;
    if (ts.isStringLiteralLike(property.initializer)) return property.initializer.text || undefined;
  }
  return undefined;
}

/** `file:line: name …` for every exported name without documentation in the entry files `entries` (absolute). */
export function undocumentedExports(entries: readonly string[]): readonly string[] {
  const program = ts.createProgram(entries, compilerOptions());
  const checker = program.getTypeChecker();
  const problems = new Set<string>();
  for (const entry of entries) {
    const source = program.getSourceFile(entry);
    const module = source && checker.getSymbolAtLocation(source);
    if (module === undefined) {
      problems.add(`${relative(root, entry)}: is no module, or does not exist`);
      continue;
    }
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const hasDocstring = [exported, symbol].some((one) => one.getDocumentationComment(checker).length > 0);
      if (!hasDocstring && !declaredDoc(symbol) && !moduleDoc(symbol))
        problems.add(`${locationOf(symbol)}: ${exported.name} is exported without a docstring`);
    }
  }
  return [...problems].sort();
}

/** The same for every entry of every published package. */
export function undocumentedPackageExports(): readonly string[] {
  const entries = publishedPackages().flatMap((owner) =>
    packageEntries(owner).map(([, source]) => join(root, owner.folder, source)),
  );
  return undocumentedExports(entries);
}
