// A web server for one folder, with or without the headers that isolate a page.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** A running server. */
export type Site = { readonly url: string; close(): void };

/** Serves `folder` on a free port of this machine; `isolated` pages may share memory with workers. */
export async function serve(folder: string, { isolated }: { readonly isolated: boolean }): Promise<Site> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const path = join(folder, normalize(pathname === "/" ? "/index.html" : decodeURIComponent(pathname)));
    const body = path.startsWith(folder) ? await readFile(path).catch(() => undefined) : undefined;
    const type = types[extname(path)] ?? "application/octet-stream";
    response.writeHead(body ? 200 : 404, { "Content-Type": type, ...(isolated && isolation) });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
