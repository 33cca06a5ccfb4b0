// Who imports whom: read from the syntax alone, so that it works on code that does not compile yet.
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import ts from "typescript";
import { filesUnder, root, workspacePackages } from "../lib/repository.js";

/** One import or re-export of a module. */
export interface ModuleImport {
  /** The name as written: `./file.js`, `@torchium/tensor`, `node:fs`. */
  readonly specifier: string;
  /** The imported file, for relative names; relative to the root. */
  readonly file: string | undefined;
  readonly line: number;
  /** `type` imports vanish when compiled; `dynamic` ones run when called. */
  readonly kind: "value" | "type" | "dynamic";
}

/** Every module of the workspace by its path relative to the root, with what it imports. */
export type ModuleGraph = ReadonlyMap<string, readonly ModuleImport[]>;

/** Whether a path is a test, or a helper of tests: a file named test-…, or one in a folder named testing. */
export function isTest(path: string): boolean {
  return /\.test\.ts$|\/test-[^/]*\.ts$|\/testing\//.test(path);
}

function importKind(clause: ts.ImportClause | undefined): "value" | "type" {
  if (clause === undefined) return "value";
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return "type";
  const names = clause.namedBindings;
  const onlyTypes =
    clause.name === undefined &&
    names !== undefined &&
    ts.isNamedImports(names) &&
    names.elements.length > 0 &&
    names.elements.every((element) => element.isTypeOnly);
  return onlyTypes ? "type" : "value";
}

/** The imports of one source text; `path` is relative to the root and need not exist. */
export function readImports(path: string, text: string): readonly ModuleImport[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const imports: ModuleImport[] = [];

  const add = (node: ts.Node, specifier: ts.Node | undefined, kind: ModuleImport["kind"]) => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const name = specifier.text;
    const file = name.startsWith(".") ? posix.join(posix.dirname(path), name).replace(/\.js$/, ".ts") : undefined;
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    imports.push({ specifier: name, file, line, kind });
  };

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, importKind(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly ? "type" : "value");
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, node.argument.literal, "type");
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], "dynamic");
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return imports;
}

/** The graph of all sources of all workspace packages. */
export function readModuleGraph(): ModuleGraph {
  const files = workspacePackages().flatMap(({ folder }) =>
    filesUnder(`${folder}/src`, (name) => name.endsWith(".ts")),
  );
  return new Map(files.map((path) => [path, readImports(path, readFileSync(join(root, path), "utf8"))]));
}
