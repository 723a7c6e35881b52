/**
 * `fairway check --envoy` with the real binary: what Envoy says comes back with lines, and nothing of the
 * user's is touched on the way.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { envoyBinary } from "../../demo/kit/envoy-binary.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { TempDir } from "../support/temp-dir.ts";
import { tempDir } from "../support/temp-dir.ts";
import { fairwayMain } from "../../demo/kit/program.ts";

const cluster = `- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster`;

/** Fairway's own checks cannot know which ciphers this Envoy has. */
const refused = `resources:
  ${cluster}
    name: fine
  ${cluster}
    name: tls
    transport_socket:
      name: tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context: { tls_params: { cipher_suites: [NOPE] } }
`;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in an environment whose temporary directory is the test's own, and shows what is left in it. */
async function check(directory: TempDir, config: string, ...args: readonly string[]): Promise<Ran> {
  const file = directory.join("fairway.yaml");
  await writeFile(file, config);
  await mkdir(directory.join("tmp"), { recursive: true });
  const ran = await new Promise<Ran>((resolve) => {
    const env = { ...process.env, TMPDIR: directory.join("tmp") };
    execFile(process.execPath, [fairwayMain, "check", file, ...args], { env }, (cause, stdout, stderr) => {
      resolve({ code: cause === null ? 0 : Number(cause.code), stdout, stderr });
    });
  });
  expect(await readdir(directory.join("tmp"))).toEqual([]);
  return ran;
}

describe("fairway check --envoy", () => {
  it("says for each group that Envoy takes it, while others use its ports and without asking its hosts", async () => {
    await using directory = await tempDir();
    let connections = 0;
    const server = createServer(() => (connections += 1)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const config = `
nodes:
  edge: { match: { cluster: edge } }
  inside: { match: { id: a }, runtime: { a.b: 1 } }
gateways: { public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] } }
services: { shop: { endpoints: ["127.0.0.1:${port}"], healthCheck: { tcp: {}, interval: 1s } } }
routes: { shop: { gateways: [public], rules: [{ backends: [{ service: shop }] }] } }
resources:
  ${cluster}
    name: names
    type: STRICT_DNS
    load_assignment:
      cluster_name: names
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: shop.example.com, port_value: 80 } } } }] }]
  - "@type": type.googleapis.com/envoy.config.listener.v3.Listener
    name: udp
    address: { socket_address: { protocol: UDP, address: 127.0.0.1, port_value: ${port} } }
    listener_filters:
      - name: udp
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig
          stat_prefix: udp
          cluster: names
`;
    const ran = await check(directory, config, "--envoy", await envoyBinary());
    server.close();
    expect(ran.stderr).toBe("");
    expect(ran.stdout).toContain("ok: group edge: accepted by Envoy 1.40.0\n");
    expect(ran.stdout).toContain("ok: group inside: accepted by Envoy 1.40.0\n");
    expect(ran.code).toBe(0);
    expect(connections).toBe(0);
  }, 60_000);

  it("tells what Envoy refuses, in its words and with the line", async () => {
    await using directory = await tempDir();
    const ran = await check(directory, refused, "--envoy", await envoyBinary(), "-o", "json");
    expect(ran).toMatchObject({ code: 2, stderr: "" });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      ok: false,
      diagnostics: [
        {
          code: "envoy-refused",
          at: { line: 4 },
          message: expect.stringContaining("Failed to initialize cipher suites"),
        },
      ],
      envoy: { version: "1.40.0", accepted: false },
    });
  }, 60_000);

  it.each([
    ["is not there", "/nonexistent/envoy", "cannot be run"],
    ["is another program", process.execPath, "is no Envoy"],
  ])("fails when the binary %s", async (_, path, words) => {
    await using directory = await tempDir();
    const ran = await check(directory, refused, "--envoy", path);
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect(ran.stderr).toContain("[ENVOY_FAILED]");
    expect(ran.stderr).toContain(words);
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "leaves nothing behind after %s",
    async (signal) => {
      await using directory = await tempDir();
      // It says its process id, and then answers to nothing.
      const slow = directory.join("envoy");
      const pidFile = directory.join("pid");
      await writeFile(
        slow,
        `#!/bin/sh\nif [ "$1" = --version ]; then echo "envoy  version: x/1.40.0/Clean"; exit; fi\necho $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}\nexec sleep 60\n`,
      );
      await chmod(slow, 0o755);
      await writeFile(directory.join("fairway.yaml"), refused);
      await mkdir(directory.join("tmp"));
      const env = { ...process.env, TMPDIR: directory.join("tmp") };
      const args = [fairwayMain, "check", directory.join("fairway.yaml"), "--envoy", slow];
      const child = spawn(process.execPath, args, { env, stdio: "ignore" });
      const exited = once(child, "exit");
      const pid = await waitUntil(async () => Number(await readFile(pidFile, "utf8").catch(() => "")) || undefined, {
        what: "the Envoy to be started",
        timeoutMs: 20_000,
      });
      child.kill(signal);
      expect(await exited).toEqual([null, signal]);
      expect(() => process.kill(pid, 0)).toThrow("ESRCH");
      expect(await readdir(directory.join("tmp"))).toEqual([]);
    },
    60_000,
  );
});
