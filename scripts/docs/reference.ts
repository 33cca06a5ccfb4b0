// The reference pages, one a published package, made from the declarations and their comments.
import { join } from "node:path";
import ts from "typescript";
import { compilerOptions } from "../check/documented-exports.js";
import { packageEntries, publishedPackages, root, type WorkspacePackage } from "../lib/repository.js";
import { type Described, Describer, sorted } from "./describe.js";

/** A page: its path from the root, and its text. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

const folder = "docs/reference";

const pageName = ({ manifest }: WorkspacePackage): string => `${manifest.name.replace("@torchium/", "")}.md`;

/** In a table cell. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

const formsOf = ({ forms }: Described): string => forms.map((form) => `\`${form}\``).join(" ");

function table(rows: readonly Described[]): string {
  const lines = rows.map((row) => `| ${cell(formsOf(row))} | ${cell(row.text)} |`);
  return ["| name | what it is |", "|---|---|", ...lines].join("\n");
}

/** What belongs to a name: a heading and a table. */
const section = (row: Described, level: string): string =>
  row.members.length === 0
    ? ""
    : `\n${level} \`${row.forms[0]!.replace(/^new |[(:?].*/g, "")}\`\n\n${table(row.members)}\n${row.members
        .map((one) => section(one, `${level}#`))
        .join("")}`;

function entryText(title: string, symbols: readonly ts.Symbol[], describer: Describer): string {
  const rows = sorted(symbols).map((symbol) => describer.describe(symbol));
  return `\n## \`${title}\`\n\n${table(rows)}\n${rows.map((row) => section(row, "###")).join("")}`;
}

function pageOf(owner: WorkspacePackage, program: ts.Program): Page {
  const checker = program.getTypeChecker();
  const entries = packageEntries(owner).map(([name, source]) => {
    const file = program.getSourceFile(join(root, owner.folder, source));
    const module = file && checker.getSymbolAtLocation(file);
    return { title: owner.manifest.name + name.slice(1), symbols: module ? checker.getExportsOfModule(module) : [] };
  });
  const plain = new Describer(checker);
  const functions = new Map(
    (entries[0]?.symbols ?? []).map((symbol) => [symbol.name, plain.describe(symbol).text] as const),
  );
  const describer = new Describer(checker, functions);
  const head = `# ${owner.manifest.name}\n\nWritten by \`npm run docs\` from the declarations and their comments.\n`;
  const text = head + entries.map(({ title, symbols }) => entryText(title, symbols, describer)).join("");
  return { path: `${folder}/${pageName(owner)}`, text };
}

/** Every page, in the order of the packages. */
export function referencePages(): readonly Page[] {
  const packages = publishedPackages();
  const sources = packages.flatMap((owner) =>
    packageEntries(owner).map(([, source]) => join(root, owner.folder, source)),
  );
  const program = ts.createProgram(sources, compilerOptions());
  return packages.map((owner) => pageOf(owner, program));
}
