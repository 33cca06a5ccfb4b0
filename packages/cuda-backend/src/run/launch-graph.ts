// A CUDA graph of launches: a chain of nodes in the order of the stream. It is made once; each run looks which arguments
// are others than the graph holds, sets those, and launches the whole with one call.

import type { Gpu } from "../driver/gpu.js";
import { isSticky } from "../driver/result-codes.js";
import type { Arguments } from "./params.js";
import type { Geometry, Recording, Session } from "./session.js";

/** Calls of this thread may do anything while the stream is captured: libraries load their kernels then. */
const relaxed = 2;
const kernelNodeBytes = 72;

/** What graphs did on one device. */
export type GraphCounters = {
  /** Graphs made. */
  built: number;
  launched: number;
  /** Nodes whose arguments were set between two runs. */
  updated: number;
  /** Why the latest launches that could not be a graph are enqueued one by one. */
  refused: string | undefined;
};

type KernelNode = { readonly node: number; readonly handle: number; readonly params: Arguments; version: number };
type LibraryNode = { readonly node: number; words: readonly number[] };
type GraphNode = KernelNode | LibraryNode;

/** One graph and what its nodes hold. */
export class LaunchGraph implements Recording {
  scratch = 0;
  readonly #session: Session;
  readonly #counters: GraphCounters;
  readonly #nodes: GraphNode[] = [];
  readonly #before = new BigUint64Array(1);
  readonly #description = new DataView(new ArrayBuffer(kernelNodeBytes));
  #graph = 0;
  #executable = 0;
  /** Which node comes next. */
  #at = 0;
  #outgrown = false;
  #labels: [first: string, last: string] = ["", ""];

  constructor(session: Session, counters: GraphCounters) {
    this.#session = session;
    this.#counters = counters;
  }

  get #gpu(): Gpu {
    return this.#session.gpu;
  }

  /** Runs what `body` enqueues, with scratch memory at `scratch`. @throws TensorError where the driver refuses */
  run(scratch: number, body: () => void): void {
    this.scratch = scratch;
    if (this.#executable !== 0) this.#update(body);
    if (this.#executable === 0) this.#build(body);
    const { driver } = this.#gpu;
    const code = driver.functions.cuGraphLaunch(this.#executable, this.#session.stream.handle);
    if (code !== 0) throw driver.error(code, `launch ${this.#name}`);
    this.#counters.launched++;
  }

  kernel(handle: number, geometry: Geometry, params: Arguments, label: string): void {
    const { driver } = this.#gpu;
    const { functions, out } = driver;
    if (this.#executable === 0) {
      const description = this.#describe(handle, geometry, params);
      const { before, count } = this.#previous();
      const code = functions.cuGraphAddKernelNode_v2(out.bytes, this.#graph, before, count, description);
      if (code !== 0) throw driver.error(code, `put ${label} into a graph`);
      this.#add({ node: out.word, handle, params, version: params.version }, label);
      return;
    }
    const known = this.#nodes[this.#at++];
    // A launch has its text and its grid for good, so only arguments change.
    if (!known || !("params" in known) || known.params !== params || known.handle !== handle) {
      this.#outgrown = true;
      return;
    }
    if (known.version === params.version) return;
    const description = this.#describe(handle, geometry, params);
    this.#set(functions.cuGraphExecKernelNodeSetParams_v2(this.#executable, known.node, description), label);
    known.version = params.version;
  }

  call(words: readonly number[], enqueue: () => void, label: string): void {
    const { driver } = this.#gpu;
    const { functions, out } = driver;
    if (this.#executable === 0) {
      this.#captured(enqueue, label, (child) => {
        const { before, count } = this.#previous();
        const code = functions.cuGraphAddChildGraphNode(out.bytes, this.#graph, before, count, child);
        if (code !== 0) throw driver.error(code, `put ${label} into a graph`);
        this.#add({ node: out.word, words }, label);
      });
      return;
    }
    const known = this.#nodes[this.#at++];
    if (!known || !("words" in known)) {
      this.#outgrown = true;
      return;
    }
    if (known.words.length === words.length && known.words.every((word, i) => word === words[i])) return;
    this.#captured(enqueue, label, (child) => {
      this.#set(functions.cuGraphExecChildGraphNodeSetParams(this.#executable, known.node, child), label);
    });
    known.words = words;
  }

  /** Frees the graph; runs under way end first. */
  close(): void {
    const { functions } = this.#gpu.driver;
    if (this.#executable !== 0) functions.cuGraphExecDestroy(this.#executable);
    if (this.#graph !== 0) functions.cuGraphDestroy(this.#graph);
    this.#executable = 0;
    this.#graph = 0;
    this.#nodes.length = 0;
  }

  get #name(): string {
    return `a graph of ${this.#nodes.length} launches, ${this.#labels[0]} to ${this.#labels[1]}`;
  }

  #build(body: () => void): void {
    const { driver } = this.#gpu;
    const { functions, out } = driver;
    driver.check(functions.cuGraphCreate(out.bytes, 0), "make a graph");
    this.#graph = out.word;
    this.#session.record(this, body);
    driver.check(functions.cuGraphInstantiateWithFlags(out.bytes, this.#graph, 0), `make ${this.#name} ready to run`);
    this.#executable = out.word;
    this.#counters.built++;
  }

  /** Sets what has changed; a graph that cannot take it is dropped. */
  #update(body: () => void): void {
    this.#at = 0;
    this.#outgrown = false;
    this.#session.record(this, body);
    if (this.#outgrown || this.#at !== this.#nodes.length) this.close();
  }

  #set(code: number, label: string): void {
    if (isSticky(code)) throw this.#gpu.driver.error(code, `set the arguments of ${label} in a graph`);
    if (code === 0) this.#counters.updated++;
    else this.#outgrown = true;
  }

  #add(node: GraphNode, label: string): void {
    if (this.#nodes.push(node) === 1) this.#labels = [label, label];
    this.#labels[1] = label;
  }

  #previous() {
    const last = this.#nodes[this.#nodes.length - 1];
    if (!last) return { before: null, count: 0 };
    this.#before[0] = BigInt(last.node);
    return { before: this.#before, count: 1 };
  }

  /** CUDA_KERNEL_NODE_PARAMS: function, grid, block, shared bytes, arguments; the rest is zero. */
  #describe(handle: number, { blocks, threads }: Geometry, params: Arguments): DataView {
    const view = this.#description;
    view.setBigUint64(0, BigInt(handle), true);
    [...blocks, threads, 1, 1].forEach((n, i) => {
      view.setUint32(8 + 4 * i, n, true);
    });
    view.setBigUint64(40, BigInt(this.#session.place(params)), true);
    return view;
  }

  /** Gives `take` a graph of what a library enqueues. */
  #captured(enqueue: () => void, label: string, take: (child: number) => void): void {
    const { driver } = this.#gpu;
    const { functions, out } = driver;
    const stream = this.#session.stream.handle;
    driver.check(functions.cuStreamBeginCapture_v2(stream, relaxed), `capture ${label}`);
    let enqueued = false;
    let child = 0;
    try {
      enqueue();
      enqueued = true;
    } finally {
      // A stream that is still captured could do nothing else.
      const code = functions.cuStreamEndCapture(stream, out.bytes);
      if (code === 0) child = out.word;
      else if (enqueued) driver.check(code, `capture ${label}`);
    }
    try {
      take(child);
    } finally {
      functions.cuGraphDestroy(child);
    }
  }
}
