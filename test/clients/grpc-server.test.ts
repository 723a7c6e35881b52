/**
 * A real gRPC server that is configured by xDS: it serves while it has its listener, which is a raw resource.
 */
import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Client, credentials } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { createGrpcBootstrap } from "../../src/cli/grpc-bootstrap.ts";
import { tempDir } from "../support/temp-dir.ts";
import { startGrpcScene } from "./grpc-scene.ts";

/** The listener of a server, and one of another, so that what is left is not nothing. */
function listeners(ports: readonly number[]): string {
  const resources = ports.map(
    (port) => `
  - "@type": type.googleapis.com/envoy.config.listener.v3.Listener
    name: grpc/server?xds.resource.listening_address=127.0.0.1:${port}
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
      - filters:
          - name: envoy.filters.network.http_connection_manager
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: orders
              route_config:
                name: inbound
                virtual_hosts:
                  - name: all
                    domains: ["*"]
                    routes: [{ match: { prefix: / }, non_forwarding_action: {} }]
              http_filters:
                - name: envoy.filters.http.router
                  typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }`,
  );
  return `resources:${resources.join("")}\n`;
}

test("a gRPC server serves when its listener comes", async () => {
  const [port, other] = [await freePort(), await freePort()];
  await using scene = await startGrpcScene({ backends: 0, config: () => listeners([other]) });
  await using directory = await tempDir();
  const bootstrap = createGrpcBootstrap({
    nodeId: "server-1",
    cluster: "apps",
    xds: { host: "127.0.0.1", port: scene.fairway.xdsPort },
  });
  const file = directory.join("xds.json");
  await writeFile(file, JSON.stringify(bootstrap));
  const address = `127.0.0.1:${port}`;
  const program = join(import.meta.dirname, "programs", "js-server.ts");
  const server = spawn(process.execPath, [program, address, "served"], {
    stdio: ["pipe", "ignore", "inherit"],
    env: { ...process.env, GRPC_XDS_BOOTSTRAP: file },
  });
  const ended = once(server, "exit");
  try {
    await waitUntil(async () => (await scene.statuses()).length === 1, { what: "the server to ask for its listener" });
    expect(await call(address)).not.toBe("served");
    await scene.save(listeners([other, port]));
    await waitUntil(async () => (await call(address)) === "served", { what: "the server to serve", timeoutMs: 20_000 });
    await scene.synced(1);
  } finally {
    server.kill("SIGKILL");
    await ended;
  }
});

/** The answer, or what the failure says; a client of its own, which waits for nothing that failed before. */
async function call(address: string): Promise<string> {
  const client = new Client(address, credentials.createInsecure());
  const same = (bytes: Buffer): Buffer => bytes;
  const answer = await new Promise<string>((resolve) => {
    const options = { deadline: Date.now() + 1_000 };
    client.makeUnaryRequest("/shop.Orders/Place", same, same, Buffer.alloc(0), options, (error, bytes) =>
      resolve(error === null ? String(bytes) : error.details),
    );
  });
  client.close();
  return answer;
}
