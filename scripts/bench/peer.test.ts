// The command's side of a peer against small processes.
import { describe, expect, it } from "vitest";
import { Peer } from "./peer.js";
import type { Row } from "./rows.js";

const which = { name: "test", offers: () => true };
const start = (program: string): Promise<Peer> => Peer.start(which, [process.execPath, "-e", program]);
const row: Row = { name: "work", group: "kernels", op: "work", sizes: {} };
const request = { row, milliseconds: 1 };

const polite = `
  console.log("a library says hello");
  console.log(JSON.stringify({ version: "1", threads: 2 }));
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    console.log(JSON.stringify({ times: [JSON.parse(line).milliseconds] }));
  });`;

describe("a peer's process", () => {
  it("greets and answers, whatever else it prints", async () => {
    const peer = await start(polite);
    expect(peer.greeting).toEqual({ version: "1", threads: 2 });
    expect(await peer.ask(request)).toEqual({ times: [1] });
    peer.stop();
  });

  it("has the environment it is given beside ours", async () => {
    const program = `console.log(JSON.stringify({ version: process.env.FLAVOUR + !!process.env.PATH, threads: 1 }));`;
    const peer = await Peer.start(which, [process.execPath, "-e", program], { FLAVOUR: "mild " });
    expect(peer.greeting.version).toBe("mild true");
    peer.stop();
  });

  it("that ends is an answer", async () => {
    const peer = await start(`console.log("{}"); process.stdin.once("data", () => process.exit(1));`);
    expect(await peer.ask(request)).toEqual({ missing: "its process ended" });
  });

  it("that does not start is an error with its last complaint", async () => {
    await expect(start(`throw new Error("no library")`)).rejects.toThrow("Error: no library");
    await expect(start("")).rejects.toThrow("it ended at once");
    await expect(Peer.start(which, ["./no-such-program"])).rejects.toThrow("ENOENT");
  });
});
