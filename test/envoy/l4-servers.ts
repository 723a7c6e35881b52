/**
 * Backends of connections that nobody reads: each says who it is when a client connects, then echoes.
 */
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { pem } from "../support/certificates.ts";

/** A running server. */
export interface EchoServer extends AsyncDisposable {
  /** `127.0.0.1:port`, as config files write it. */
  readonly address: string;
  /** Connections that were opened so far. */
  connections(): number;
}

/** Greets with its label. With a certificate it speaks TLS. */
export async function startEcho(label: string, certificate?: "one" | "two"): Promise<EchoServer> {
  const sockets = new Set<Socket>();
  let opened = 0;
  const greet = (socket: Socket): void => {
    opened += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.write(label);
    socket.pipe(socket);
  };
  const server: Server =
    certificate === undefined
      ? createServer(greet)
      : createTlsServer({ cert: pem(`${certificate}.pem`), key: pem(`${certificate}.key`) }, greet);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => opened,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
