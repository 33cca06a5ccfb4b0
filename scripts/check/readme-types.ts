// README examples compile as strictly as the code: a renamed option shows up here.
import { join } from "node:path";
import ts from "typescript";
import { readmeExamples } from "../lib/readme.js";
import { root } from "../lib/repository.js";
import { compilerOptions } from "./documented-exports.js";

/** Type errors in the examples of the READMEs, as `README.md:line: message`. */
export function readmeTypeProblems(): readonly string[] {
  const examples = new Map(readmeExamples().map((example, i) => [join(root, `readme-example-${i}.ts`), example]));
  const options = compilerOptions();
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (path) => examples.has(path) || fileExists(path);
  host.readFile = (path) => examples.get(path)?.code ?? readFile(path);

  const program = ts.createProgram([...examples.keys()], options, host);
  return [...examples].flatMap(([path, example]) => {
    const source = program.getSourceFile(path);
    return ts.getPreEmitDiagnostics(program, source).map(({ messageText }) => {
      return `${example.where}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
    });
  });
}
