/**
 * Bootstraps from `fairway bootstrap` against a real Envoy: it accepts them, says nothing above level
 * info, opens the right stream, and knows itself by the name that was typed.
 */
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Child } from "../../demo/kit/child.ts";
import { Envoy } from "../../demo/kit/envoy.ts";
import { envoyBinary } from "../../demo/kit/envoy-binary.ts";
import { ask } from "../../demo/kit/get.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { createBootstrap, printBootstrap } from "../../src/cli/bootstrap.ts";
import type { BootstrapOptions } from "../../src/cli/bootstrap-options.ts";

const STREAMS = {
  delta: "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
  sotw: "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
} as const;

describe.concurrent("bootstrap with a real Envoy", { timeout: 60_000 }, () => {
  it.each([
    ["delta", "yaml"],
    ["delta", "json"],
    ["sotw", "yaml"],
    ["sotw", "json"],
  ] as const)("starts %s from %s without a warning and opens its stream", async (api, format) => {
    await using silent = await SilentServer.start();
    const adminPort = await freePort();
    const bootstrap = createBootstrap(options({ api, xdsPort: silent.port, adminPort }));
    await using file = await BootstrapFile.write(printBootstrap(bootstrap, format), format);
    const envoy = await Child.start({
      name: "envoy",
      command: await envoyBinary(),
      args: ["-c", file.path, "--disable-hot-restart", "--concurrency", "1"],
    });
    try {
      await waitUntil(() => silent.paths.length > 0, { what: "a stream", timeoutMs: 20_000 });
      expect(silent.paths).toEqual([STREAMS[api]]);
      expect((await ask(adminPort, "/ready")).status).toBe(503);
      // Looked at before the end: Envoy also warns that its stream closes when it is told to stop.
      expect(complaints(envoy.logs())).toEqual([]);
    } finally {
      await envoy.close();
    }
  });

  it.each([
    ["delta", "1.40", []],
    ["delta", "1.36", []],
    ["sotw", "1.40", []],
    ["delta, with several replicas", "1.40", [{ host: "10.0.0.1", port: 1 }]],
  ] as const)("passes Envoy's own validation as %s of %s", async (name, version, replicas) => {
    const api = name === "sotw" ? "sotw" : "delta";
    const bootstrap = createBootstrap({ ...options({ api, host: "control-plane.example" }), replicas });
    await using file = await BootstrapFile.write(printBootstrap(bootstrap, "yaml"), "yaml");
    const envoy = await Child.start({
      name: "envoy",
      command: await envoyBinary(version),
      args: ["--mode", "validate", "-c", file.path],
    });
    expect(await envoy.exited).toEqual({ code: 0, signal: null });
    expect(complaints(envoy.logs())).toEqual([]);
  });

  it.each(["n", "yes", "007", "0x1f", "1:30", "~", " a ", 'it\'s "x"\n\tb: #c\\', "é\u0085\u2028😀"])(
    "brings the name %j to Envoy unchanged",
    async (name) => {
      await using silent = await SilentServer.start();
      const adminPort = await freePort();
      const named = options({ nodeId: name, cluster: name, xdsPort: silent.port, adminPort });
      const bootstrap = createBootstrap({
        ...named,
        locality: { region: name },
        metadata: { team: { name } },
      });
      await using file = await BootstrapFile.write(printBootstrap(bootstrap, "yaml"), "yaml");
      const envoy = await Child.start({
        name: "envoy",
        command: await envoyBinary(),
        args: ["-c", file.path, "--disable-hot-restart", "--concurrency", "1"],
      });
      try {
        const answer = await waitUntil(
          async () => {
            const info = await ask(adminPort, "/server_info");
            return info.status === 200 ? info.text : undefined;
          },
          { what: "the admin page", timeoutMs: 20_000 },
        );
        expect(JSON.parse(answer)).toMatchObject({
          node: { id: name, cluster: name, locality: { region: name }, metadata: { team: { name } } },
        });
      } finally {
        await envoy.close();
      }
    },
  );

  it("keeps trying while the control plane is absent, and is not ready", async () => {
    const xdsPort = await freePort();
    await using envoy = await Envoy.start({ xdsPort });
    await waitUntil(async () => (await envoy.counter("cluster.fairway_xds.upstream_cx_connect_fail")) > 1, {
      what: "a second attempt",
      timeoutMs: 20_000,
    });
    expect((await ask(envoy.adminPort, "/ready")).status).toBe(503);
    await using late = await SilentServer.start(xdsPort);
    await waitUntil(() => late.paths.length > 0, { what: "a stream", timeoutMs: 20_000 });
  });
});

function options(given: {
  readonly api?: "delta" | "sotw";
  readonly nodeId?: string;
  readonly cluster?: string;
  readonly host?: string;
  readonly xdsPort?: number;
  readonly adminPort?: number;
}): BootstrapOptions {
  return {
    nodeId: given.nodeId ?? "edge-1",
    cluster: given.cluster ?? "edge",
    api: given.api ?? "delta",
    xds: { host: given.host ?? "127.0.0.1", port: given.xdsPort ?? 18_000 },
    admin: { host: "127.0.0.1", port: given.adminPort ?? 0 },
  };
}

/** Everything above level info. */
function complaints(lines: readonly string[]): readonly string[] {
  return lines.filter(
    (line) => line.trim() !== "" && !line.includes("[info]") && !/^configuration '.*' OK$/.test(line),
  );
}

/** A bootstrap on disk, as users start Envoy with it. */
class BootstrapFile {
  readonly path: string;
  readonly #remove: () => Promise<void>;

  private constructor(path: string, remove: () => Promise<void>) {
    this.path = path;
    this.#remove = remove;
  }

  static async write(text: string, format: "yaml" | "json"): Promise<BootstrapFile> {
    const directory = await mkdtempDisposable(join(tmpdir(), "fairway-bootstrap-"));
    const path = join(directory.path, `envoy.${format}`);
    await writeFile(path, text);
    return new BootstrapFile(path, () => directory.remove());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remove();
  }
}

/** A gRPC server that accepts every stream, remembers its path and never answers. */
class SilentServer {
  readonly paths: string[] = [];
  readonly #server: Http2Server = createServer();
  readonly #sessions = new Set<{ destroy(): void }>();

  static async start(port = 0): Promise<SilentServer> {
    const silent = new SilentServer();
    silent.#server.on("session", (session) => silent.#sessions.add(session));
    silent.#server.on("stream", (stream, headers) => {
      silent.paths.push(String(headers[":path"]));
      stream.on("error", () => undefined);
      stream.respond({ ":status": 200, "content-type": "application/grpc" });
      stream.resume();
    });
    await new Promise<void>((resolve) => silent.#server.listen(port, "127.0.0.1", resolve));
    return silent;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
