/**
 * A small HTTP server on a port of its own, for what a test needs behind an Envoy besides its backends.
 */
import type { RequestListener } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers as `listener` says; ends with what is open. */
export async function startPlainServer(
  listener: RequestListener,
): Promise<AsyncDisposable & { readonly address: string }> {
  const server = createServer(listener);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      return closed.promise;
    },
  };
}
