/**
 * The demo with an etcd: three replicas over a real cluster, four Envoys, and what happens when parts of it go away.
 *
 * Instances register themselves with `fairway register`; each step prints when all Envoys have what changed. Every
 * Envoy knows all replicas, and the traffic through each is counted from the first step to the last.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Backend } from "./kit/backend.ts";
import { Child } from "./kit/child.ts";
import { Envoy } from "./kit/envoy.ts";
import { EtcdCluster } from "./kit/etcd.ts";
import { Fairway } from "./kit/fairway.ts";
import { Load } from "./kit/load.ts";
import { askJson } from "./kit/get.ts";
import { freePorts } from "./kit/ports.ts";
import { waitUntil } from "./kit/wait-until.ts";
import type { Terminal } from "./terminal.ts";
import { fairwayMain } from "./kit/program.ts";

const REPLICAS = 3;
const ENVOYS = ["edge-1", "edge-2", "edge-3", "edge-4"] as const;
/** Together 200 a second: a lost request shows, and two cores have time left. */
const REQUESTS_PER_SECOND = 50;
/** The shortest lease that `fairway register` takes. */
const TTL = "5s";
/** Longer than a member that hangs is waited for. */
const PAUSED_MS = 6_000;

interface Edge {
  readonly envoy: Envoy;
  readonly traffic: Load;
}

interface Show {
  readonly terminal: Terminal;
  readonly stack: AsyncDisposableStack;
  readonly etcd: EtcdCluster;
  readonly replicas: readonly Fairway[];
  readonly edges: readonly Edge[];
  readonly instances: Map<string, { readonly backend: Backend; readonly registration: Child }>;
}

/** Shows it; the result is the number of failed requests, of which there must be none. */
export async function showEtcd(terminal: Terminal, stack: AsyncDisposableStack): Promise<number> {
  terminal.print(terminal.paint("title", "Fairway over etcd: three replicas, four Envoys, and what goes away"));
  const show = await setUp(terminal, stack);
  for (const [index, step] of steps.entries()) {
    terminal.print();
    terminal.print(terminal.paint("title", `${index + 1}  ${step.title}`));
    await step.run(show);
  }
  return summarise(show);
}

const steps: readonly { readonly title: string; run(show: Show): Promise<void> }[] = [
  {
    title: "A third instance registers",
    async run(show) {
      await register(show, "c");
      await timed(show, "all Envoys know it", () => allHave(show, ["a", "b", "c"]));
    },
  },
  {
    title: "A replica is killed: its Envoys go to the others, and hear of what comes next",
    async run(show) {
      const [first] = show.replicas;
      await first?.kill("SIGKILL");
      await register(show, "d");
      await timed(show, "all Envoys know a fourth instance", () => allHave(show, ["a", "b", "c", "d"]));
      await first?.restart();
      show.terminal.print("   the replica is back");
    },
  },
  {
    title: `Who keeps an instance registered is killed: its lease ends after ${TTL}`,
    async run(show) {
      const gone = show.instances.get("c");
      gone?.registration.kill("SIGKILL");
      await timed(show, "no Envoy has it any more", () => allHave(show, ["a", "b", "d"]));
    },
  },
  {
    title: `The whole etcd hangs for ${PAUSED_MS / 1_000} s`,
    async run(show) {
      for (const member of show.etcd.members) member.kill("SIGSTOP");
      await pause(PAUSED_MS);
      await allHave(show, ["a", "b", "d"]);
      show.terminal.print("   nothing has changed for any Envoy");
      for (const member of show.etcd.members) member.kill("SIGCONT");
      await register(show, "e");
      await timed(show, "all Envoys know those that were there, and a fifth", () =>
        allHave(show, ["a", "b", "d", "e"]),
      );
    },
  },
  {
    title: "An instance ends: it is drained first",
    async run(show) {
      const ending = show.instances.get("a");
      await timed(show, "it is told to end when all Envoys know", async () => {
        await ending?.registration.close(60_000);
      });
      await ending?.backend.close();
      await allHave(show, ["b", "d", "e"]);
    },
  },
];

async function setUp(terminal: Terminal, stack: AsyncDisposableStack): Promise<Show> {
  const root = await mkdtemp(join(tmpdir(), `fairway-demo-${process.pid}-`));
  stack.defer(() => rm(root, { recursive: true, force: true }));
  const etcd = stack.use(await EtcdCluster.start({ members: 3 }));
  terminal.print(`   etcd: three members, at ${etcd.endpoints.join(", ")}`);
  const listeners = await freePorts(ENVOYS.length);
  const config = join(root, "config");
  await mkdir(config);
  await writeFile(join(config, "fairway.yaml"), configOf(listeners));
  const args = ["--etcd", urlOf(etcd)];
  const replicas = await Promise.all(
    Array.from({ length: REPLICAS }, async (_, index) =>
      stack.use(await Fairway.start({ configDir: config, stateDir: join(root, `state-${index}`), args })),
    ),
  );
  terminal.print(`   three times fairway serve, with xDS on ${replicas.map(({ xdsPort }) => xdsPort).join(", ")}`);
  const show: Show = { terminal, stack, etcd, replicas, edges: [], instances: new Map() };
  await Promise.all(["a", "b"].map((label) => register(show, label)));
  const edges = await Promise.all(
    ENVOYS.map(async (nodeId, index): Promise<Edge> => {
      const envoy = stack.use(await startEnvoy(nodeId, replicas));
      await envoy.ready();
      const url = `http://127.0.0.1:${listeners[index]}/`;
      await waitUntil(async () => (await fetch(url)).status === 200, { what: `an answer through ${nodeId}` });
      return { envoy, traffic: stack.use(Load.start({ url, concurrency: 2, requestsPerSecond: REQUESTS_PER_SECOND })) };
    }),
  );
  terminal.print(`   four Envoys, each of which knows all three; two instances of a service`);
  const whole = { ...show, edges };
  await allHave(whole, ["a", "b"]);
  return whole;
}

/** Knows all replicas: it takes any, and another when that one is gone. */
async function startEnvoy(nodeId: string, replicas: readonly Fairway[]): Promise<Envoy> {
  const [xdsPort = 0, ...replicaPorts] = replicas.map((replica) => replica.xdsPort);
  return Envoy.start({ nodeId, cluster: nodeId, xdsPort, replicaPorts });
}

/** A group for each Envoy, because they listen on one machine. */
function configOf(listeners: readonly number[]): string {
  const nodes = ENVOYS.map((name) => `  ${name}: { match: { cluster: ${name} } }`);
  const gateways = ENVOYS.map(
    (name, index) => `  ${name}: { nodes: ${name}, listeners: [{ name: http, port: ${listeners[index]} }] }`,
  );
  const rest = ["services:", "  shop: { discovery: { etcd: {} } }", "routes:"];
  return [
    "nodes:",
    ...nodes,
    "gateways:",
    ...gateways,
    ...rest,
    "  shop: { rules: [{ backends: [{ service: shop }] }] }",
    "",
  ].join("\n");
}

function urlOf(etcd: EtcdCluster): string {
  return etcd.endpoints.map((endpoint) => `http://${endpoint}`).join(",");
}

/** A backend, and `fairway register` beside it; resolves when it is registered. */
async function register({ stack, etcd, instances }: Show, label: string): Promise<void> {
  const backend = await Backend.start({ label });
  stack.defer(() => backend.close());
  const flags = ["--etcd", urlOf(etcd), "--service", "shop", "--id", label, "--address", backend.address, "--ttl", TTL];
  const args = [fairwayMain, "register", ...flags];
  const registration = await Child.start({ name: `register ${label}`, command: process.execPath, args });
  stack.defer(async () => {
    await registration.close(0);
  });
  await registration.waitForLog(/is registered/, 30_000);
  instances.set(label, { backend, registration });
}

/** The part of an Envoy's own page that is looked at. */
interface ClustersPage {
  readonly cluster_statuses: readonly {
    readonly name: string;
    readonly host_statuses?: readonly {
      readonly address: { readonly socket_address: { readonly port_value: number } };
      readonly health_status: { readonly eds_health_status?: string };
    }[];
  }[];
}

/** Waits until every Envoy sends requests to these instances and no others, as Envoy itself tells. */
async function allHave({ edges, instances }: Show, labels: readonly string[]): Promise<void> {
  const wanted = labels.map((label) => String(instances.get(label)?.backend.port)).toSorted();
  await Promise.all(
    edges.map(({ envoy }) =>
      waitUntil(
        async () => {
          const page = await askJson<ClustersPage>(envoy.adminPort, "/clusters?format=json");
          const hosts = page.cluster_statuses.find(({ name }) => name === "shop")?.host_statuses ?? [];
          const used = hosts.filter(({ health_status: health }) => health.eds_health_status === "HEALTHY");
          const ports = used.map(({ address }) => String(address.socket_address.port_value)).toSorted();
          return ports.join() === wanted.join();
        },
        { what: `${envoy.nodeId} to have ${labels.join(", ")}`, timeoutMs: 60_000 },
      ),
    ),
  );
}

async function timed({ terminal }: Show, text: string, work: () => Promise<void>): Promise<void> {
  const startedMs = performance.now();
  await work();
  terminal.print(`   ${text.padEnd(56)}after ${((performance.now() - startedMs) / 1_000).toFixed(2)} s`);
}

async function summarise({ terminal, edges, replicas }: Show): Promise<number> {
  terminal.print();
  let failed = 0;
  for (const { envoy, traffic } of edges) {
    const report = await traffic.stop();
    failed += report.failed;
    const latency = `p50 ${report.latencyMs.p50.toFixed(1)} ms, p99 ${report.latencyMs.p99.toFixed(1)} ms`;
    terminal.print(
      `   ${`traffic, ${envoy.nodeId}`.padEnd(24)}${report.sent} requests, ${report.failed} failed, ${latency}`,
    );
    for (const text of report.failures) terminal.print(terminal.paint("bad", `     ${text}`));
  }
  terminal.print(`   ${"replicas".padEnd(24)}${replicas.length}, one of them killed and started again`);
  const verdict = terminal.paint(failed === 0 ? "good" : "bad", String(failed));
  terminal.print(`   ${terminal.paint("strong", "requests failed".padEnd(24))}${verdict}`);
  return failed;
}
