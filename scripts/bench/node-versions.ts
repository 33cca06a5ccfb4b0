// Ours on other versions of Node than the one that runs the benchmark.
import { execFileSync } from "node:child_process";
import { installedNode, nodeVersions } from "./installed.js";

/** A Node that is not this one: its program, undefined where it is not there. */
export interface OtherNode {
  /** `Node 20`. */
  readonly name: string;
  readonly program: string | undefined;
}

/** The versions that `--install-peers` gets, and those named on the command line in their place or beside them. */
export function otherNodes(named: readonly string[]): readonly OtherNode[] {
  const own = Number(process.versions.node.split(".")[0]);
  const given = named.map((program): OtherNode => {
    const version = execFileSync(program, ["--version"], { encoding: "utf8" }).trim();
    return { name: `Node ${version.slice(1).split(".")[0]}`, program };
  });
  const installed = nodeVersions
    .filter((version) => version !== own && !given.some(({ name }) => name === `Node ${version}`))
    .map((version): OtherNode => ({ name: `Node ${version}`, program: installedNode(version) }));
  return [...given, ...installed];
}
