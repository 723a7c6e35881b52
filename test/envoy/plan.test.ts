/**
 * What a plan says that an Envoy will do, held against what a real one does: its own counters, edit by edit.
 *
 * Before each edit `fairway plan` compares the new files with the running server, so that the way over the admin API
 * is walked as well; then they are saved, and the plan must have told the counters that move.
 */
import { execFile } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { freePorts } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { EffectKind } from "../../src/snapshot/change-effects.ts";
import { certificatesDir } from "../support/certificates.ts";
import { tempDir } from "../support/temp-dir.ts";
import { ask } from "./ask.ts";
import type { Scene } from "./scene.ts";
import { startScene } from "./scene.ts";
import { fairwayMain } from "../../demo/kit/program.ts";

/** The part of `plan -o json` that is looked at. */
interface PlanJson {
  readonly changes: boolean;
  readonly groups: readonly {
    readonly from?: string;
    readonly to: string;
    readonly nodes: number;
    readonly bytesToEachNode: number;
    readonly changes: readonly {
      readonly name: string;
      readonly at: { readonly file: string };
      readonly effects: readonly { readonly kind: EffectKind }[];
    }[];
    readonly steps: readonly { readonly phase: string }[];
  }[];
}

/** Everything that an edit may set; what is absent is as at the start. */
interface Knobs {
  readonly timeoutS?: number;
  readonly maxRequests?: number;
  readonly service?: string;
  readonly subset?: boolean;
  readonly cartHosts?: readonly string[];
  readonly hashOn?: string;
  readonly idleS?: number;
  readonly buffer?: number;
  readonly port?: number;
  readonly certificate?: "one" | "one-renewed";
  readonly second?: boolean;
  readonly plain?: boolean;
  readonly onDemand?: boolean;
}

interface Ports {
  readonly http: number;
  readonly moved: number;
  readonly https: number;
  readonly plain: number;
}

function config(knobs: Knobs, ports: Ports, backends: readonly string[]): string {
  const {
    timeoutS = 3,
    maxRequests = 100,
    service = "shop",
    cartHosts = backends,
    hashOn = "x-user",
    idleS = 300,
    buffer = 65_536,
    port = ports.http,
  } = knobs;
  const https = (name: string) =>
    `{ name: ${name}, port: ${ports.https}, address: 127.0.0.1, protocol: HTTPS, hostnames: [${name}.test], tls: { secret: site } }`;
  return `
nodes: { all: { updates: { grace: 250ms }, removalGuard: off, onDemand: { clusters: ${knobs.onDemand === true} } } }
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
  secure: { listeners: [${https("one")}${knobs.second === true ? `, ${https("two")}` : ""}] }
${knobs.plain === false ? "" : `  plain: { listeners: [{ name: http, port: ${ports.plain}, address: 127.0.0.1 }] }`}
secrets:
  site: { certificate: { file: site.pem }, privateKey: { file: site.key } }
services:
  ${service}:
    endpoints: [{ address: "${backends[0]}", labels: { track: canary } }]
    circuitBreaker: { maxRequests: ${maxRequests} }
${knobs.subset === true ? "    subsets: { canary: { labels: { track: canary } } }" : ""}
  cart:
    endpoints: ${JSON.stringify(cartHosts)}
    loadBalancer: { policy: RING_HASH, hashOn: [{ header: ${hashOn} }] }
routes:
  rest: { gateways: [secure${knobs.plain === false ? "" : ", plain"}], rules: [{ backends: [{ service: cart }] }] }
  shop:
    gateways: [public]
    rules:
      - { name: cart, matches: [{ path: /cart }], backends: [{ service: cart }] }
      - { name: main, backends: [{ service: ${service} }], timeouts: { request: ${timeoutS}s } }
patches:
  - target: { type: Listener, name: public/http }
    jsonPatch:
      - { op: add, path: /filter_chains/0/filters/0/typed_config/stream_idle_timeout, value: ${idleS}s }
      - { op: replace, path: /per_connection_buffer_limit_bytes, value: ${buffer} }
`;
}

/** What each edit adds to the ones before, and what is to be told of it. */
const edits: readonly { readonly what: string; readonly knobs: Knobs; readonly effects: readonly EffectKind[] }[] = [
  { what: "the timeout of a route", knobs: { timeoutS: 5 }, effects: ["routes-updated"] },
  { what: "a circuit breaker", knobs: { maxRequests: 200 }, effects: ["cluster-recreated"] },
  { what: "a subset that comes", knobs: { subset: true }, effects: ["cluster-added"] },
  {
    what: "the name of a service",
    knobs: { service: "store", subset: false },
    effects: ["cluster-added", "cluster-removed", "cluster-removed", "routes-updated"],
  },
  { what: "hosts of a ring", knobs: { cartHosts: [] }, effects: ["endpoints-changed", "hash-ring-moved"] },
  { what: "what is hashed", knobs: { hashOn: "x-cart" }, effects: ["cluster-recreated", "hash-ring-moved"] },
  { what: "a part of a filter chain", knobs: { idleS: 200 }, effects: ["filter-chains-drained"] },
  { what: "a part of a listener", knobs: { buffer: 32_768 }, effects: ["listener-drained"] },
  { what: "the port of a listener", knobs: { port: 1 }, effects: ["listener-moved"] },
  { what: "a certificate", knobs: { certificate: "one-renewed" }, effects: ["secret-updated"] },
  { what: "another listener on a shared port", knobs: { second: true }, effects: ["listener-in-place"] },
  { what: "one that leaves a shared port", knobs: { second: false }, effects: ["filter-chains-drained"] },
  { what: "a listener that goes", knobs: { plain: false }, effects: ["listener-removed"] },
  {
    what: "clusters on demand",
    knobs: { onDemand: true },
    effects: ["delivery-changed", "delivery-changed", "filter-chains-drained", "filter-chains-drained"],
  },
  {
    what: "clusters that are held again",
    knobs: { onDemand: false },
    effects: ["delivery-changed", "delivery-changed", "filter-chains-drained", "filter-chains-drained"],
  },
];

/** Which of Envoy's numbers grows by one for each effect of a kind. */
const counters: Partial<Record<EffectKind, readonly string[]>> = {
  "cluster-added": ["cluster_manager.cluster_added"],
  "cluster-recreated": ["cluster_manager.cluster_modified"],
  "cluster-removed": ["cluster_manager.cluster_removed"],
  "listener-in-place": ["listener_manager.listener_modified", "listener_manager.listener_in_place_updated"],
  "filter-chains-drained": [
    "listener_manager.listener_modified",
    "listener_manager.listener_in_place_updated",
    "listener_manager.total_filter_chains_draining",
  ],
  "listener-drained": ["listener_manager.listener_modified", "listener_manager.total_listeners_draining"],
  "listener-moved": ["listener_manager.listener_modified", "listener_manager.total_listeners_draining"],
  "listener-removed": ["listener_manager.listener_removed", "listener_manager.total_listeners_draining"],
};

const names = [...new Set(Object.values(counters).flat())];

async function numbers({ envoy }: Scene): Promise<Readonly<Record<string, number>>> {
  const stats = await envoy.stats("^(cluster_manager|listener_manager)\\.");
  return Object.fromEntries(names.map((name) => [name, stats.get(name) ?? 0]));
}

test.each(["1.40", "1.36"] as const)(
  "tells beforehand which counters of Envoy %s move with each edit, and the version that is served then",
  { timeout: 240_000 },
  async (version) => {
    const [http = 0, moved = 0, https = 0, plain = 0] = await freePorts(4);
    const ports: Ports = { http, moved, https, plain };
    let backends: readonly string[] = [];
    await using next = await tempDir();
    await using scene = await startScene({
      backends: 2,
      envoy: { version, drainTimeS: 600 },
      config: (given) => {
        backends = given.backends;
        return config({}, ports, backends);
      },
      prepare: (directory) => copyCertificate("one", directory),
    });
    const nextDir = next.join("config");
    await mkdir(nextDir);
    let knobs: Knobs = {};
    for (const edit of edits) {
      knobs = { ...knobs, ...realKnobs(edit.knobs, ports, backends) };
      const text = config(knobs, ports, backends);
      await writeFile(join(nextDir, "main.yaml"), text);
      await copyCertificate(knobs.certificate ?? "one", nextDir);
      const plan = await planAgainst(scene, nextDir);
      const group = plan.groups[0];
      const kinds = group?.changes.flatMap(({ effects }) => effects.map(({ kind }) => kind)).toSorted();
      expect({ what: edit.what, kinds }).toEqual({ what: edit.what, kinds: edit.effects });
      expect(group).toMatchObject({ nodes: 1, from: await scene.served() });

      await useHosts(knobs.port === undefined || edit.knobs.port !== undefined ? ports.http : ports.moved);
      const before = await numbers(scene);
      const ended = await upstreamEnded(scene);
      await copyCertificate(knobs.certificate ?? "one", scene.configDir);
      await scene.save(text);
      expect(await scene.converged(group?.from)).toBe(group?.to);
      const expected = { ...before };
      for (const kind of kinds ?? []) {
        for (const name of counters[kind] ?? []) expected[name] = (expected[name] ?? 0) + 1;
      }
      // What goes, goes after the grace; nothing else may move meanwhile.
      await waitUntil(async () => JSON.stringify(await numbers(scene)) === JSON.stringify(expected) || undefined, {
        what: `the counters to move as planned with ${edit.what}`,
        timeoutMs: 20_000,
      }).catch(async () =>
        expect({ what: edit.what, ...(await numbers(scene)) }).toEqual({ what: edit.what, ...expected }),
      );
      if (kinds?.includes("cluster-removed") === true) continue;
      const ends = kinds?.some((kind) => kind === "cluster-recreated" || kind === "endpoints-changed") ?? false;
      await waitUntil(async () => (await upstreamEnded(scene)) > ended === ends || undefined, {
        what: `connections to hosts to ${ends ? "end" : "stay"} with ${edit.what}`,
        timeoutMs: 20_000,
      });
    }
  },
);

/** Leaves idle connections to all hosts in the pools; the keys are enough to meet both of the ring. */
async function useHosts(port: number): Promise<void> {
  const url = `http://127.0.0.1:${port}`;
  expect((await ask(`${url}/`)).status).toBe(200);
  for (let key = 0; key < 16; key += 1) {
    expect((await ask(`${url}/cart`, { "x-user": `${key}`, "x-cart": `${key}` })).status).toBe(200);
  }
}

/** How many connections to hosts have ended; those of a service that goes are no longer counted. */
async function upstreamEnded({ envoy }: Scene): Promise<number> {
  const stats = await envoy.stats("^cluster\\.(shop|store|cart)\\.upstream_cx_(total|active)$");
  return [...stats].reduce((sum, [name, count]) => sum + (name.endsWith("total") ? count : -count), 0);
}

/** What is only known when the ports and hosts are. */
function realKnobs(knobs: Knobs, ports: Ports, backends: readonly string[]): Knobs {
  return {
    ...knobs,
    ...(knobs.port === undefined ? {} : { port: ports.moved }),
    ...(knobs.cartHosts === undefined ? {} : { cartHosts: backends.slice(0, 1) }),
  };
}

async function copyCertificate(name: "one" | "one-renewed", directory: string): Promise<void> {
  await copyFile(join(certificatesDir, `${name}.pem`), join(directory, "site.pem"));
  await copyFile(join(certificatesDir, `${name}.key`), join(directory, "site.key"));
}

async function planAgainst({ fairway }: Scene, directory: string): Promise<PlanJson> {
  const args = [fairwayMain, "plan", directory, "--server", `http://127.0.0.1:${fairway.adminPort}`, "-o", "json"];
  const ended = await promisify(execFile)(process.execPath, args).catch((error: unknown) => error);
  const { code, stdout, stderr } = ended as { code?: number; stdout: string; stderr: string };
  expect({ code, stderr }).toEqual({ code: 10, stderr: "" });
  return JSON.parse(stdout) as PlanJson;
}
