// The entry of the training worker.

import type { Report, Request } from "../messages.js";
import { makeDevice } from "./devices.js";
import { TrainingSession } from "./session.js";

/** The part of a worker's global scope that is used here. */
type WorkerScope = {
  postMessage(report: Report, transfer: ArrayBuffer[]): void;
  onmessage: ((event: { readonly data: Request }) => void) | null;
};

const scope = globalThis as unknown as WorkerScope;
const session = new TrainingSession((report, transfer = []) => scope.postMessage(report, transfer), makeDevice);
scope.onmessage = ({ data }) => void session.handle(data);
