/**
 * The order in which four real Envoys are told of a change, when what they need comes late or the connection breaks.
 *
 * The relay before each Envoy keeps its endpoints back, as if they took a while to be known. Everything that is
 * believed here about Envoy (when it acknowledges, what it asks again) is looked at in what it really sends.
 */
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../demo/kit/get.ts";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { startFour } from "./four-envoys.ts";
import type { Four, FourPorts, Member } from "./four-envoys.ts";
import type { XdsRelay } from "./xds-relay.ts";

const LATE_MS = 300;
/** For each Envoy. */
const REQUESTS_MIN = 5_000;

/** One service with a new name in each edit, so that each edit is a new cluster, a moved route and an old cluster that goes. */
const config =
  (edit: number, maxRequests = 1_000) =>
  ({ backends, groups }: FourPorts): string =>
    `
${groups("updates: { grace: 1s }")}
services:
  shop-${edit}: { endpoints: ["${backends[edit % 2]}"], circuitBreaker: { maxRequests: ${maxRequests} } }
routes:
  shop: { rules: [{ backends: [{ service: shop-${edit} }], timeouts: { request: 10s } }] }
`;

let four: Four;
let edit = 0;
let limit = 1_000;

const endpointsLate = (relay: XdsRelay): (() => void) =>
  relay.hold(({ typeUrl }) => (typeUrl === typeUrls.endpoints ? pause(LATE_MS) : undefined));

beforeAll(async () => {
  const late: (() => void)[] = [];
  four = await startFour({ backends: 2, config: config(0), disturb: (relay) => late.push(endpointsLate(relay)) });
  for (const end of late) end();
});
afterAll(() => four[Symbol.asyncDispose]());

test("an Envoy that starts acknowledges clusters at once, before they have their endpoints, and asks for listeners after that", async () => {
  const { cluster, endpoints, listener } = typeUrls;
  await four.each(async ({ relay }) => {
    const [clusters] = relay.toldOf(cluster);
    const [supply] = relay.toldOf(endpoints);
    const ack = relay.askedFor(cluster).find(({ nonce }) => nonce !== "" && nonce === clusters?.nonce);
    expect(ack?.error).toBeUndefined();
    expect((supply?.atMs ?? 0) - (ack?.atMs ?? Number.POSITIVE_INFINITY)).toBeGreaterThan(LATE_MS / 2);
    expect(relay.askedFor(listener)[0]?.atMs).toBeGreaterThan(supply?.atMs ?? Number.POSITIVE_INFINITY);
  });
});

test("a route that moves to a cluster whose endpoints come late loses none of thousands of requests", async () => {
  const { cluster, endpoints, route } = typeUrls;
  const late = four.members.map(({ relay }) => endpointsLate(relay));
  const loads = four.members.map(({ url }) => Load.start({ url, concurrency: 4 }));
  const from = new Map(four.members.map(({ name, relay }) => [name, relay.told.length]));
  while (loads.some((load) => load.report().sent < REQUESTS_MIN)) {
    edit += 1;
    await four.change(config(edit)(four.ports));
  }
  const reports = await Promise.all(loads.map((load) => load.stop()));
  for (const end of late) end();
  const lost = reports.map(({ failed, failures }, index) => ({ name: four.members[index]?.name, failed, failures }));
  expect(lost).toEqual(four.members.map(({ name }) => ({ name, failed: 0, failures: [] })));
  for (const { sent, byLabel } of reports) {
    expect(sent).toBeGreaterThanOrEqual(REQUESTS_MIN);
    expect(Object.keys(byLabel).sort()).toEqual(["v1", "v2"]);
  }
  expect(edit).toBeGreaterThanOrEqual(2);
  for (const { name, relay } of four.members) {
    const told = relay.told.slice(from.get(name));
    const first = (typeUrl: string) => told.find((response) => response.typeUrl === typeUrl)?.atMs ?? 0;
    expect(first(endpoints) - first(cluster), name).toBeGreaterThanOrEqual(LATE_MS - 5);
    expect(first(route), name).toBeGreaterThan(first(endpoints));
  }
});

test("an Envoy acknowledges clusters when they have their endpoints and not before, and Fairway moves no route before that", async () => {
  const { cluster, endpoints, route } = typeUrls;
  const known = Promise.withResolvers<void>();
  const held = four.members.map(({ relay }) =>
    relay.hold(({ typeUrl }) => (typeUrl === endpoints ? known.promise : undefined)),
  );
  const marks = await four.each(async ({ relay }) => ({ told: relay.told.length, asked: relay.asked.length }));
  const mark = ({ relay }: Member) =>
    marks[four.members.findIndex((member) => member.relay === relay)] ?? { told: 0, asked: 0 };
  // What the edit before has left may go meanwhile, so the response is known by what it brings.
  const clusters = (member: Member) =>
    member.relay.toldOf(cluster, mark(member).told).find(({ names }) => names.includes(`shop-${edit}`));
  const acknowledged = (member: Member) =>
    member.relay.askedFor(cluster, mark(member).asked).find(({ nonce }) => nonce === clusters(member)?.nonce);
  edit += 1;
  const from = four.backends[(edit - 1) % 2]?.label ?? "";
  await four.save(config(edit)(four.ports));
  await four.each(async (member) => {
    await waitUntil(() => clusters(member), { what: "the new cluster" });
    // Long enough for an Envoy that would not wait: many times what it takes to be answered.
    const report = await Load.run({ url: member.url, count: 300, concurrency: 2 });
    expect(report.byLabel).toEqual({ [from]: 300 });
    expect(acknowledged(member)).toBeUndefined();
    expect(member.relay.toldOf(route, mark(member).told)).toEqual([]);
  });
  known.resolve();
  for (const end of held) end();
  await four.converged();
  await four.each(async (member) => {
    const [supply] = member.relay.toldOf(endpoints, mark(member).told);
    const [moved] = member.relay.toldOf(route, mark(member).told);
    const ack = acknowledged(member);
    expect(ack?.error).toBeUndefined();
    expect(ack?.atMs).toBeGreaterThan(supply?.atMs ?? Number.POSITIVE_INFINITY);
    expect(moved?.atMs).toBeGreaterThan(ack?.atMs ?? Number.POSITIVE_INFINITY);
  });
});

test("a cluster that only changed is given its unchanged endpoints once, unasked on delta and asked on SotW, and is in force at once", async () => {
  const { cluster, endpoints } = typeUrls;
  const name = `shop-${edit}`;
  await four.each(({ envoy }) =>
    waitUntil(async () => (await envoy.counter("cluster_manager.active_clusters")) === 2, { what: "one service only" }),
  );
  const asked = four.members.map(({ relay }) => relay.asked.length);
  const told = four.members.map(({ relay }) => relay.told.length);
  const startedAt = performance.now();
  await four.change(config(edit, 77)(four.ports));
  const tookMs = performance.now() - startedAt;
  await four.each(async (member) => {
    const index = four.members.indexOf(member);
    const { relay, api, envoy } = member;
    expect(relay.toldOf(cluster, told[index]).map(({ names }) => names)).toEqual([[name]]);
    expect(relay.toldOf(endpoints, told[index]).map(({ names }) => names)).toEqual([[name]]);
    const answered = new Set(relay.toldOf(endpoints, told[index]).map(({ nonce }) => nonce));
    // An acknowledgement of what was told before may still come; on delta it names nothing.
    const demands = relay
      .askedFor(endpoints, asked[index])
      .filter(({ nonce, names }) => !answered.has(nonce) && (api === "sotw" || names.length > 0));
    expect(demands.map(({ names }) => names)).toEqual(api === "delta" ? [] : [[name]]);
    const { text } = await ask(envoy.adminPort, "/clusters");
    expect(text).toContain(`${name}::default_priority::max_requests::77\n`);
  });
  // Envoy waits 15 s for endpoints that do not come.
  expect(tookMs).toBeLessThan(5_000);
});

test.each([
  ["that is new", () => (edit += 1)],
  ["that only changed", () => (limit += 1)],
])(
  "an Envoy whose stream breaks while a cluster %s waits for its endpoints is given them on the next stream, and loses no request",
  async (_, change) => {
    const { endpoints } = typeUrls;
    const held = four.members.map(({ relay }) =>
      relay.hold(({ typeUrl }) => (typeUrl === endpoints ? new Promise(() => undefined) : undefined)),
    );
    const loads = four.members.map(({ url }) => Load.start({ url, concurrency: 2, requestsPerSecond: 100 }));
    change();
    const name = `shop-${edit}`;
    const warming = async ({ envoy }: Member) =>
      JSON.stringify(await envoy.configDump("resource=dynamic_warming_clusters")).includes(`"${name}"`);
    await four.save(config(edit, limit)(four.ports));
    await four.each((member) => waitUntil(() => warming(member), { what: `${name} to wait for its endpoints` }));
    for (const end of held) end();
    const streams = four.members.map(({ relay }) => relay.asked.at(-1)?.stream ?? 0);
    for (const { relay } of four.members) relay.cut();
    await four.each(async (member) => {
      const broken = streams[four.members.indexOf(member)] ?? 0;
      const { relay } = member;
      const first = await waitUntil(() => relay.asked.find(({ stream }) => stream > broken), {
        what: "the next stream",
      });
      await waitUntil(
        () => relay.toldOf(endpoints).find(({ stream, names }) => stream > broken && names.includes(name)),
        {
          what: `the endpoints of ${name}`,
        },
      );
      await waitUntil(async () => !(await warming(member)), { what: `${name} to be warm` });
      // Without an answer Envoy would wait 15 s.
      expect(performance.now() - first.atMs).toBeLessThan(5_000);
    });
    await four.converged();
    const reports = await Promise.all(loads.map((load) => load.stop()));
    expect(reports.map(({ failures }) => failures)).toEqual(four.members.map(() => []));
  },
);
