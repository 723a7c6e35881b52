/**
 * Rollouts kept in a real etcd, each judged by another source: any replica goes on with them, whoever is killed and
 * whichever the Envoy tells of its requests, and of two that begin at once one does.
 */
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import type { SplitJson } from "../../src/admin/split-schema.ts";
import { SmallPrometheus } from "../envoy/small-prometheus.ts";
import { tempDir } from "../support/temp-dir.ts";
import { ranWith } from "./fairway-command.ts";
import { Replicas } from "./replicas.ts";

/** The Envoy tells by OpenTelemetry of subsets only, so of `parcel` there are its load reports and nothing else. */
const config = ({ port, backends: [v1, v2] }: { readonly port: number; readonly backends: readonly string[] }) => `
gateways:
  edge: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints: [{ address: "${v1}", labels: { version: v1 } }, { address: "${v2}", labels: { version: v2 } }]
    subsets: { stable: { labels: { version: v1 } }, canary: { labels: { version: v2 } } }
  one: { endpoints: ["${v1}"] }
  two: { endpoints: ["${v2}"] }
  cart:
    endpoints: [{ address: "${v1}", labels: { version: v1 } }, { address: "${v2}", labels: { version: v2 } }]
    subsets: { stable: { labels: { version: v1 } }, canary: { labels: { version: v2 } } }
routes:
  all:
    rules:
      - { matches: [{ path: { prefix: /shop } }], split: shop, timeouts: { request: 1s } }
      - { matches: [{ path: { prefix: /parcel } }], split: parcel, timeouts: { request: 1s } }
      - { matches: [{ path: { prefix: /cart } }], split: cart, timeouts: { request: 1s } }
splits:
  shop:
    backends: { stable: { service: shop, subset: stable }, canary: { service: shop, subset: canary } }
    default: { stable: 100 }
  parcel: { backends: { stable: { service: one }, canary: { service: two } }, default: { stable: 100 } }
  cart:
    backends: { stable: { service: cart, subset: stable }, canary: { service: cart, subset: canary } }
    default: { stable: 100 }
`;

const splits = ["shop", "parcel", "cart"] as const;
type Name = (typeof splits)[number];

const sources = { shop: "opentelemetry", parcel: "load-reports", cart: "prometheus" } as const;

const terms = { hold: "2s", maxHold: "90s", minRequests: 60 };
/** The approval is where all three wait for each other, and for copies to be gone. */
const steps = [{ mirror: 50, ...terms }, { approval: true }, { weight: 50, ...terms }];
const gates = { successRate: { objective: 95 }, latency: { threshold: "300ms", objective: 90 } };

test("rollouts go on at the other replica when one is killed in a step, and what either is told counts", async () => {
  await using replicas = await Replicas.start({
    ...{ backends: 2, config, argsOf: () => ["--load-report-interval", "1s"] },
    envoy: { statsFlushInterval: "1s", allTrafficReports: false, loadReports: true },
  });
  const [, v2] = replicas.backends;
  if (v2 === undefined) throw new Error("there are two backends");
  await using prometheus = await SmallPrometheus.start([replicas.envoy.adminPort]);
  const evidence = { prometheus: { url: prometheus.url, every: "1s", timeout: "1s" } };
  const plans = {
    shop: { steps, gates },
    parcel: { steps, gates: { successRate: gates.successRate }, fleet: { healthyHosts: 0 } },
    cart: { steps, gates, evidence },
  };
  const startAll = (index: number, target: string, which: readonly Name[] = splits) =>
    postAll(replicas, index, which, (split) => ["", { target, plan: { split, ...plans[split] } }]);
  const kill = async (index: number) => {
    await replicas.at(index).fairway.kill("SIGKILL");
    await replicas.at(index).fairway.restart();
  };
  await replicas.agree();
  const loads = splits.map((split) => Load.start({ url: `${replicas.url}${split}`, requestsPerSecond: 100 }));

  const winner = await expectOneOfTwo(replicas, plans.shop);
  const serving = await replicas.onOne();
  await startAll(serving, "good", ["parcel", "cart"]);
  await untilAll(replicas, serving, "the copies", isMeasured(1));
  await kill(serving);
  await untilAll(replicas, 1 - serving, "the approval", ({ phase }) => phase === "awaiting-approval");
  const told = await loadsReportedTo(replicas);
  await untilUncopied(replicas, told);
  const copies = v2.requests;
  await Load.run({ url: `${replicas.url}shop`, count: 100 });
  expect(v2.requests - copies).toBeLessThanOrEqual(2);
  await postAll(replicas, told, splits, (split) => [`/${split}/approve`, {}]);
  await untilAll(replicas, told, "the weight", isMeasured(3));
  await kill(told);
  const over = await untilAll(replicas, 1 - told, "the end", isOver);
  for (const [index, split] of splits.entries()) {
    expect(over[index]?.outcome?.kind, over[index]?.sentence).toBe("promoted");
    expect(over[index]?.steps.map(({ kind, result }) => `${kind} ${result}`)).toEqual([
      "mirror passed",
      "approval passed",
      "weight passed",
      "promotion passed",
    ]);
    const by = over[index]?.steps.flatMap((step) => step.sources ?? []).map(({ source }) => source);
    expect(by).toEqual([sources[split], sources[split]]);
  }

  expect(over[0]).toMatchObject({ id: "shop-1", target: winner, startedBy: `ci-${winner}` });
  expect(over[0]?.audit.filter(({ action }) => action === "start")).toHaveLength(1);
  const { history } = await replicas.at(told).fairway.get<{ readonly history: readonly object[] }>(HISTORY);
  expect(history).toMatchObject([
    { after: { canary: 100 } },
    { after: { canary: 50 } },
    { after: { canary: 0 } },
    { after: { canary: 0 }, mirror: { backend: "canary", percent: 50 } },
  ]);

  // Bad ones are started where no load report arrives.
  await postAll(replicas, told, splits, (split) => [`/${split}/undo`, {}]);
  await untilAll(replicas, told, "the undo", isOver);
  v2.set({ failure: { answer: 500, percent: 30 } });
  const deaf = 1 - (await loadsReportedTo(replicas));
  await startAll(deaf, "bad");
  const bad = await untilAll(replicas, deaf, "the end", isOver);
  for (const [index, { outcome, steps: went }] of bad.entries()) {
    expect(outcome).toMatchObject({ kind: "rolled-back" });
    expect(outcome?.sentence).toContain("their answers went to nobody");
    expect(went[0]?.sources).toMatchObject([{ source: sources[splits[index] ?? "shop"], nodesCount: 1 }]);
  }
  const reports = await Promise.all(loads.map((load) => load.stop()));
  expect(reports.map(({ failures }) => failures)).toEqual([[], [], []]);
}, 240_000);

const HISTORY = "/v1/splits/shop/history";

/** Two jobs at once, at two replicas: the one that loses is told whose is on. Returns the target of the other. */
async function expectOneOfTwo(replicas: Replicas, plan: object): Promise<string> {
  await using directory = await tempDir();
  const file = directory.join("plan.json");
  await writeFile(file, JSON.stringify(plan));
  const both = await Promise.all(
    ["a", "b"].map((target, index) => {
      const server = { FAIRWAY_SERVER: `http://127.0.0.1:${replicas.at(index).fairway.adminPort}` };
      return ranWith(server, "rollout", "start", "shop", "--target", target, "--plan", file, "--actor", `ci-${target}`);
    }),
  );
  expect(both.map(({ code }) => Number(code)).toSorted((a, b) => a - b)).toEqual([0, 6]);
  const winner = both[0]?.code === 0 ? "a" : "b";
  const told = both.find(({ code }) => code === 6)?.text;
  expect(told).toContain(`nothing is changed: shop-1 is on: ${winner}, started by ci-${winner}`);
  return winner;
}

const isOver = ({ phase }: RolloutJson) => phase === "done" || phase === "paused";

const isMeasured = (step: number) => (seen: RolloutJson) => seen.step === step && seen.phase === "measuring";

/** To the rollouts of these splits, at one replica. */
async function postAll(
  replicas: Replicas,
  index: number,
  which: readonly Name[],
  asked: (split: Name) => readonly [path: string, body: object],
): Promise<void> {
  const answers = await Promise.all(
    which.map(async (split) => {
      const [path, body] = asked(split);
      const answer = await fetch(`http://127.0.0.1:${replicas.at(index).fairway.adminPort}/v1/rollouts${path}`, {
        method: "POST",
        // Whichever rollout is on.
        headers: { "content-type": "application/json", ...(path === "" ? {} : { "if-match": "*" }) },
        body: JSON.stringify(body),
      });
      return answer.ok ? "done" : await answer.text();
    }),
  );
  expect(answers).toEqual(which.map(() => "done"));
}

function untilAll(
  replicas: Replicas,
  index: number,
  what: string,
  is: (seen: RolloutJson) => boolean,
): Promise<readonly RolloutJson[]> {
  const { fairway } = replicas.at(index);
  return waitUntil(
    async () => {
      const seen = await Promise.all(splits.map((split) => fairway.get<RolloutJson>(`/v1/rollouts/${split}`)));
      return seen.every(is) ? seen : undefined;
    },
    { what: `${what} of all`, timeoutMs: 60_000, everyMs: 50 },
  );
}

/** Nothing is mirrored while somebody is asked. */
async function untilUncopied(replicas: Replicas, index: number): Promise<void> {
  const { fairway } = replicas.at(index);
  await waitUntil(
    async () => {
      const { splits: seen } = await fairway.get<{ readonly splits: readonly SplitJson[] }>("/v1/splits");
      return seen.every(({ state, mirror }) => state === "applied" && mirror === undefined) ? true : undefined;
    },
    { what: "the end of all copies", timeoutMs: 20_000, everyMs: 50 },
  );
}

/** The replica, by index, that has the stream of load reports, which need not be the one that configures the Envoy. */
function loadsReportedTo({ all }: Replicas): Promise<number> {
  return waitUntil(
    async () => {
      const loads = await Promise.all(all.map(({ fairway }) => fairway.get<{ readonly nodes: number }>("/v1/load")));
      const index = loads.findIndex(({ nodes }) => nodes === 1);
      return index === -1 ? undefined : index;
    },
    { what: "load reports", timeoutMs: 20_000, everyMs: 50 },
  );
}
