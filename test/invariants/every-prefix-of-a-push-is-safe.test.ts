/**
 * Invariant 5: every prefix of a push is safe for traffic.
 *
 * One change moves the route from a service to another and deletes the first. Over real gRPC: what may come
 * before each ACK, what waits for the grace and the deadline, and a stream that breaks after any message.
 * The seeded simulation in test/simulation replays the same promise over thousands of interleavings.
 */
import { describe, expect, test } from "vitest";
import type { JsonValue } from "../../src/model/intent.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { eventually, throughout } from "../support/eventually.ts";
import { configOf, RunningPlane } from "./running-plane.ts";
import type { Received, XdsClient } from "./xds-client.ts";
import { jsonOf } from "./xds-client.ts";

const GRACE_MS = 400;
const envoyLike = { follows: true, acknowledges: true };
const ROUTE = "public/http";

const config = (service: string, deadline = "60s") =>
  configOf(
    { [service]: "127.0.0.1:1" },
    `nodes: { default: { updates: { grace: ${GRACE_MS}ms, deadline: ${deadline} } } }`,
  );

/** A node that follows and is in sync with a route to `a`. */
async function syncedNode(running: RunningPlane, variant: "delta" | "sotw"): Promise<XdsClient> {
  const client = running.connect({ ...envoyLike, variant });
  await running.newVersion();
  const syncedCount = running.all("synced").length;
  for (const typeUrl of [typeUrls.cluster, typeUrls.listener]) client.ask(typeUrl);
  await running.event("synced", syncedCount);
  return client;
}

/** Clusters that requests of this node lead to. */
function routed(client: XdsClient): readonly string[] {
  const route = client.holds.get(typeUrls.route)?.get(ROUTE);
  return route === undefined ? [] : clustersIn(jsonOf(typeUrls.route, route));
}

function clustersIn(json: JsonValue): readonly string[] {
  if (json === null || typeof json !== "object") return [];
  return Object.entries(json).flatMap(([key, value]: [string, JsonValue]) =>
    key === "cluster" && typeof value === "string" ? [value] : clustersIn(value),
  );
}

/** Why a request to this node would fail now. */
function danger(client: XdsClient): readonly string[] {
  return routed(client).flatMap((name) => {
    const endpoints = client.holds.get(typeUrls.endpoints)?.get(name);
    if (!client.names(typeUrls.cluster).includes(name)) return [`the route leads to ${name}, which is not there`];
    const hosts = endpoints === undefined ? "" : JSON.stringify(jsonOf(typeUrls.endpoints, endpoints));
    return hosts.includes("127.0.0.1") ? [] : [`the route leads to ${name}, which has no hosts`];
  });
}

describe.each(["delta", "sotw"] as const)("%s: a route that moves from a to b, while a goes", (variant) => {
  test("is add, ACK, switch, ACK, grace, remove, with nothing ahead of its turn", async () => {
    await using running = await RunningPlane.start({ files: { "main.yaml": config("a") } });
    using client = await syncedNode(running, variant);
    const answered = new Set(client.responses);
    client.withholds = true;
    await running.save(config("b"));

    const next = async (typeUrl: string): Promise<Received> => {
      const isNew = (each: Received) => each.typeUrl === typeUrl && !answered.has(each);
      await eventually(typeUrl, () => client.responses.some(isNew));
      const response = client.responses.find(isNew) as Received;
      answered.add(response);
      return response;
    };
    const quiet = (what: string, typeUrl: string) =>
      throughout(what, () => client.of(typeUrl).every((response) => answered.has(response)), 60);

    const added = await next(typeUrls.cluster);
    const hosts = await next(typeUrls.endpoints);
    await quiet("no switch before the ACK of the cluster", typeUrls.route);
    client.acknowledge(added);
    await quiet("no switch before the ACK of the endpoints", typeUrls.route);
    client.acknowledge(hosts);
    const switched = await next(typeUrls.route);
    await throughout("no removal before the ACK of the route", () => holdsBoth(client), GRACE_MS + 300);
    client.acknowledge(switched);
    const ackMs = performance.now();
    const removed = await next(typeUrls.cluster);
    expect(removed.atMs - ackMs).toBeGreaterThanOrEqual(GRACE_MS);
    expect([client.names(typeUrls.cluster), routed(client)]).toEqual([["b"], ["b"]]);
  });

  test("is held before the switch when the deadline passes, and says what is waited for", async () => {
    await using running = await RunningPlane.start({ files: { "main.yaml": config("a") } });
    using client = await syncedNode(running, variant);
    client.withholds = true;
    await running.save(config("b", "200ms"));
    await eventually("the gate to be overdue", () => running.all("gate").some(({ state }) => state === "overdue"));
    const { waitingFor } = running.all("gate").find(({ state }) => state === "overdue") ?? { waitingFor: "" };
    expect(waitingFor).toMatch(/cluster|endpoint/i);
    expect((await running.ask("/v1/nodes/node-1")).text).toContain(`"overdue":true`);
    await throughout("nothing goes", () => holdsBoth(client) && routed(client).join() === "a", GRACE_MS);
  });

  test("is safe when the stream breaks after any of its messages, and completes on the next stream", async () => {
    await using running = await RunningPlane.start({ files: { "main.yaml": config("a") } });
    const dangers: string[] = [];
    for (const cutAfter of [0, 1, 2, 3, 4]) {
      const [from, to] = cutAfter % 2 === 0 ? ["a", "b"] : ["b", "a"];
      const client = await syncedNode(running, variant);
      await client.has(typeUrls.cluster, from);
      const before = client.responses.length;
      client.onResponse = () => {
        dangers.push(...danger(client));
        if (client.responses.length - before >= cutAfter) client.close();
      };
      if (cutAfter === 0) client.close();
      await running.save(config(to));
      await eventually("the cut", () => client.closed);

      using again = running.connect({ ...envoyLike, variant, holds: client.holds, versions: client.versions });
      again.onResponse = () => dangers.push(...danger(again));
      again.ask(typeUrls.cluster).ask(typeUrls.endpoints, ...again.names(typeUrls.cluster));
      again.ask(typeUrls.listener).ask(typeUrls.route, ROUTE);
      // `from` itself may stay: who comes back may still drain a listener that nobody knows of.
      await eventually(`the route to lead to ${to}`, () => routed(again).join() === to);
    }
    expect(dangers).toEqual([]);
  });
});

function holdsBoth(client: XdsClient): boolean {
  return client.names(typeUrls.cluster).join() === "a,b";
}
