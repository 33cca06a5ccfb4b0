// Import cycles between modules. Type imports vanish when compiled, so they may go both ways.
import type { ModuleGraph } from "./module-graph.js";

/** One line for every group of modules that import each other in a circle (Tarjan's algorithm, 1972). */
export function importCycles(graph: ModuleGraph): readonly string[] {
  const order = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[] = [];

  const importedBy = (path: string) =>
    (graph.get(path) ?? []).flatMap(({ file, kind }) =>
      file !== undefined && kind !== "type" && graph.has(file) ? [file] : [],
    );

  const visit = (path: string): number => {
    const index = order.size;
    order.set(path, index);
    stack.push(path);
    let low = index;
    for (const next of importedBy(path)) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (stack.includes(next)) low = Math.min(low, order.get(next) as number);
    }
    if (low === index) {
      const group = stack.splice(stack.indexOf(path));
      if (group.length > 1 || importedBy(path).includes(path)) cycles.push(group.sort().join(" ⇄ "));
    }
    return low;
  };

  for (const path of graph.keys()) if (!order.has(path)) visit(path);
  return cycles;
}
