/**
 * A sidecar as the example has it, with its firewall rules, in a network namespace of its own: what a client that knows
 * nothing of Envoy opens and is asked goes through it.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** Plain JavaScript, because it also runs on a Node that cannot read TypeScript. */
const TOOLS = new URL("../../scripts/netns-tools.mjs", import.meta.url).href;

const run = promisify(execFile);
const program = (name: string) => join(import.meta.dirname, "programs", name);

test("connections of an application are led through its Envoy: by name and port to services, else to where they wanted to go, and from elsewhere to the application, TLS by its name and unopened; and no longer when the rules are taken back", async () => {
  const { requireNetnsTools } = (await import(TOOLS)) as { readonly requireNetnsTools: () => void };
  requireNetnsTools();
  await using pair = await namespaces();
  const world = spawn("ip", ["netns", "exec", pair.world, process.execPath, program("sidecar-world.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(world, "exit");
  try {
    await Promise.race([once(world.stdout, "data"), ended]);
    const scene = ["netns", "exec", pair.app, process.execPath, program("sidecar-scene.ts")];
    const { stdout } = await run("ip", scene, { timeout: 60_000 });
    expect(JSON.parse(stdout)).toEqual({
      known: { server: "envoy", body: { at: "198.51.100.20:8000", host: "payments.internal" } },
      unknown: { server: "envoy", body: { at: "203.0.113.5:80", host: "www.example.com" } },
      postgres: "198.51.100.31:5433",
      otherPort: "203.0.113.5:7000",
      // Through its own sidecar and that of the other side, and TLS all the way.
      tls: { at: "127.0.0.1:8443", name: "payments.internal", certificate: "one.test" },
      otherTls: { at: "203.0.113.5:443", name: "www.example.com", certificate: "one.test" },
      noTls: "ECONNRESET",
      circle: "ECONNREFUSED",
      inbound: { server: "envoy", body: { forwardedFor: "192.0.2.1" } },
      counters: {
        "cluster.payments.upstream_rq_200": 1,
        "cluster.elsewhere.upstream_rq_200": 1,
        "cluster.elsewhere.upstream_cx_total": 3,
        "cluster.payments-tls.upstream_cx_total": 1,
        "cluster.postgres.upstream_cx_total": 1,
        "cluster.orders.upstream_rq_200": 1,
      },
      // Three chains, three jumps and six rules.
      rules: 12,
      without: { shown: "", unknown: { body: { at: "203.0.113.5:80", host: "www.example.com" } } },
    });
  } finally {
    world.stdin.end();
    await ended;
  }
});

/** Two namespaces with a cable between them: one of the application, one that has the addresses of everybody else. */
async function namespaces(): Promise<{ readonly app: string; readonly world: string } & AsyncDisposable> {
  const [app, world] = [`fairway-app-${process.pid}`, `fairway-world-${process.pid}`];
  const stack = new AsyncDisposableStack();
  const ip = (...args: readonly string[]) => run("ip", args);
  try {
    for (const name of [app, world]) {
      await ip("netns", "add", name);
      stack.defer(async () => void (await ip("netns", "delete", name)));
      await ip("-n", name, "link", "set", "lo", "up");
    }
    await ip("link", "add", "eth0", "netns", app, "type", "veth", "peer", "name", "eth0", "netns", world);
    for (const [name, address] of Object.entries({ [app]: "192.0.2.2/24", [world]: "192.0.2.1/24" })) {
      await ip("-n", name, "address", "add", address, "dev", "eth0");
      await ip("-n", name, "link", "set", "eth0", "up");
    }
    for (const address of ["198.51.100.20", "198.51.100.31", "203.0.113.5"]) {
      await ip("-n", world, "address", "add", `${address}/32`, "dev", "lo");
    }
    await ip("-n", app, "route", "add", "default", "via", "192.0.2.1");
  } catch (cause) {
    await stack.disposeAsync();
    throw cause;
  }
  return { app, world, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
