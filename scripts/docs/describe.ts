// What the declarations say of an exported name: how it is called, its sentence, and what belongs to it.
import ts from "typescript";
import { declaredDoc, moduleDoc } from "../check/documented-exports.js";

/** One name with what is said of it. */
export interface Described {
  /** As it is written: `sum(x, dims?, keepdim?)`, one an overload, or `shape: Shape`. */
  readonly forms: readonly string[];
  readonly text: string;
  /** Methods and properties of a class, options of a type, names of a module. */
  readonly members: readonly Described[];
}

/** Longer types are left to the editor. */
const longestType = 60;

/** Reads declarations through one type checker. */
export class Describer {
  readonly #checker: ts.TypeChecker;
  /** Sentences of functions, for methods of the same name that have none of their own. */
  readonly #functions: ReadonlyMap<string, string>;

  constructor(checker: ts.TypeChecker, functions: ReadonlyMap<string, string> = new Map()) {
    this.#checker = checker;
    this.#functions = functions;
  }

  /** The sentence of a name; empty when it has none. */
  textOf(symbol: ts.Symbol): string {
    const own = ts.displayPartsToString(symbol.getDocumentationComment(this.#checker));
    const tags = symbol.getJsDocTags(this.#checker).filter(({ name }) => name === "throws");
    const thrown = tags.map((tag) => ` Throws ${ts.displayPartsToString(tag.text).replace(/^TensorError /, "")}.`);
    const text = own || declaredDoc(symbol) || moduleDoc(symbol) || "";
    return text === "" ? "" : `${text.trim()}${thrown.join("")}`.replace(/\s+/g, " ").replace(/\.\.$/, ".");
  }

  /** Everything about an exported name. */
  describe(exported: ts.Symbol): Described {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(exported) : exported;
    const text = this.textOf(exported) || this.textOf(symbol);
    const { name } = exported;
    if (symbol.flags & ts.SymbolFlags.ValueModule) return { forms: [name], text, members: this.#exportsOf(symbol) };
    if (symbol.flags & ts.SymbolFlags.Class) return this.#class(name, symbol, text);
    if (symbol.flags & ts.SymbolFlags.Value) return { forms: this.#formsOf(name, symbol), text, members: [] };
    const type = this.#checker.getDeclaredTypeOfSymbol(symbol);
    const isOptions = (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) !== 0;
    return { forms: [name], text, members: isOptions ? this.#propertiesOf(type) : [] };
  }

  #exportsOf(module: ts.Symbol): readonly Described[] {
    return sorted(this.#checker.getExportsOfModule(module)).map((one) => this.describe(one));
  }

  #class(name: string, symbol: ts.Symbol, text: string): Described {
    const made = this.#checker.getTypeOfSymbol(symbol).getConstructSignatures();
    const isAbstract = symbol.declarations?.some((d) => ts.getCombinedModifierFlags(d) & ts.ModifierFlags.Abstract);
    const forms = isAbstract ? [name] : made.map((signature) => `new ${name}${parametersOf(signature)}`);
    // What is inherited is said where it is declared; an internal base is nobody's.
    const own = this.#checker
      .getPropertiesOfType(this.#checker.getDeclaredTypeOfSymbol(symbol))
      .filter((member) => isPublic(member) && (parentOf(member) === symbol || parentOf(member)?.name === "Variable"));
    return { forms, text, members: own.map((member) => this.#member(member)) };
  }

  #member(member: ts.Symbol): Described {
    const forms = this.#formsOf(member.name, member);
    return { forms, text: this.textOf(member) || (this.#functions.get(member.name) ?? ""), members: [] };
  }

  #propertiesOf(type: ts.Type): readonly Described[] {
    const own = this.#checker
      .getPropertiesOfType(type)
      .filter((property) => isPublic(property) && !isForeign(property));
    return own.map((property) => this.#member(property));
  }

  #formsOf(name: string, symbol: ts.Symbol): readonly string[] {
    const isOptional = (symbol.flags & ts.SymbolFlags.Optional) !== 0;
    const type = this.#checker.getTypeOfSymbol(symbol);
    const forms = type.getCallSignatures().map((signature) => `${name}${parametersOf(signature)}`);
    if (forms.length > 0 && !isOptional) return [...new Set(forms)];
    const named = `${name}${isOptional ? "?" : ""}`;
    const written = writtenType(symbol);
    return [written !== "" && written.length <= longestType ? `${named}: ${written}` : named];
  }
}

/** `(x, dims?, ...rest)`. */
function parametersOf(signature: ts.Signature): string {
  const list = signature.getParameters().map((parameter) => {
    const declaration = parameter.valueDeclaration;
    if (declaration === undefined || !ts.isParameter(declaration)) return parameter.name;
    const name = ts.isIdentifier(declaration.name) ? parameter.name : "options";
    const optional = declaration.questionToken !== undefined || declaration.initializer !== undefined;
    return `${declaration.dotDotDotToken ? "..." : ""}${name}${optional ? "?" : ""}`;
  });
  return `(${list.join(", ")})`;
}

/** The type as the source says it: what a checker prints depends on what it has seen before. */
function writtenType({ valueDeclaration: declaration }: ts.Symbol): string {
  if (declaration === undefined) return "";
  const hasType =
    ts.isPropertySignature(declaration) || ts.isPropertyDeclaration(declaration) || ts.isGetAccessor(declaration);
  return hasType ? (declaration.type?.getText().replace(/\s+/g, " ") ?? "") : "";
}

const parentOf = (symbol: ts.Symbol): ts.Symbol | undefined => (symbol as { readonly parent?: ts.Symbol }).parent;

function isPublic(member: ts.Symbol): boolean {
  if (member.name.startsWith("#") || member.name.startsWith("__")) return false;
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  const isHidden = member.declarations?.some((d) => ts.getCombinedModifierFlags(d) & hidden);
  return !isHidden && !member.getJsDocTags().some(({ name }) => name === "internal");
}

/** Whether a property is declared by JavaScript or Node, such as an array's. */
const isForeign = (property: ts.Symbol): boolean =>
  property.declarations?.some((d) => d.getSourceFile().fileName.includes("node_modules")) ?? false;

/** Names in the order of the alphabet, capitals apart. */
export const sorted = (symbols: readonly ts.Symbol[]): readonly ts.Symbol[] =>
  [...symbols].sort((a, b) => (a.name < b.name ? -1 : 1));
