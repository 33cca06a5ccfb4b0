// Taking turns: work that must not overlap goes one after the other, and between two pieces the worker reads its mail.

/** Runs asynchronous pieces of work in the order in which they came. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** What `work` gives, once everything before it is over. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}

const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();
// In Node an open port would keep the process alive.
(channel.port1 as { readonly unref?: () => void }).unref?.();

/** Resolves behind the messages that have arrived, without the pause of a timer. */
export function messagesRead(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(undefined);
  });
}
