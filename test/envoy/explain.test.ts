/**
 * What `fairway explain` says of a request is what a real Envoy does with it: over every kind of match, with
 * requests made from a seed.
 */
import { request } from "node:http";
import { expect, test } from "vitest";
import { freePort } from "../../demo/kit/ports.ts";
import type { RouteConfigurationJson } from "../../src/gen/envoy/config/route/v3/route_pb.d.ts";
import { loadConfig } from "../../src/cli/load-config.ts";
import { readAskedRequest } from "../../src/explain/asked-request.ts";
import type { Explanation } from "../../src/explain/explanation.ts";
import { explainRequest } from "../../src/explain/explain-request.ts";
import type { ExplainSources, RequestFacts } from "../../src/explain/explain-request.ts";
import { originsIn } from "../../src/explain/origins.ts";
import { lookUpIn } from "../../src/explain/resource-lookup.ts";
import { present } from "../../src/support/assert.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { envoyApi } from "../support/envoy-api.ts";
import { createRandom } from "../support/random.ts";
import type { SentRequest } from "./explain-config.ts";
import { explainConfig, randomRequest } from "./explain-config.ts";
import type { Scene } from "./scene.ts";
import { startScene } from "./scene.ts";

const REQUESTS = 1_000;
const AT_ONCE = 8;
const seed = 3;

/** What of an answer is compared. */
interface Happened {
  readonly status: number | string;
  readonly route?: string;
  readonly location?: string;
  readonly backend?: string;
  readonly path?: string;
  readonly host?: string;
}

test("what explain says of a thousand requests is what Envoy does", async () => {
  const plainPort = await freePort();
  const strictPort = await freePort();
  await using scene = await startScene({
    backends: 15,
    config: ({ port, backends }) => explainConfig({ port, plainPort, strictPort, backends }),
  });
  const { snapshots, intent } = await loadConfig([scene.configDir], envoyApi);
  const snapshot = present([...(snapshots?.values() ?? [])][0], "the config has one group");
  const sources = {
    lookup: lookUpIn(snapshot, envoyApi),
    origins: originsIn(present(intent, "the config is good"), "default"),
  };
  const random = createRandom(seed);
  const ports = [scene.port, scene.port, plainPort, strictPort];
  const requests = Array.from({ length: REQUESTS }, () => randomRequest(random, ports));
  const differences: unknown[] = [];
  const seen = new Set<string>();
  for (let from = 0; from < requests.length; from += AT_ONCE) {
    const some = requests.slice(from, from + AT_ONCE);
    const answers = await Promise.all(some.map(send));
    for (const [index, sent] of some.entries()) {
      const happened = answers[index] ?? { status: "none" };
      const { host, method, path, headers } = sent;
      const asked = {
        method,
        host,
        path,
        scheme: "http",
        hostname: "127.0.0.1",
        port: sent.port,
        headers: lower(headers),
      } as const;
      const facts = explainRequest(asked, sources);
      seen.add(facts.route?.name ?? facts.outcome.kind);
      if (!agrees(facts, happened, sent)) differences.push({ sent, happened, said: facts.outcome, route: facts.route });
    }
  }
  expect(differences).toEqual([]);
  // Otherwise the requests would prove little: each route was taken, but for two that never can be.
  const names = sources.lookup
    .all<RouteConfigurationJson>(typeUrls.route)
    .flatMap(
      ({ json }) => json.virtualHosts?.flatMap(({ routes }) => routes?.map(({ name }) => name ?? "") ?? []) ?? [],
    );
  const missing = new Set(["not-found", "refused", ...names].filter((name) => !seen.has(name)));
  expect(missing).toEqual(new Set(["shop/tie-a", "never"]));
  await sayTheSame(scene, sources, requests.slice(0, 40));
});

/** The server, which is asked over HTTP about the node, and what is said of its config files. */
async function sayTheSame(scene: Scene, sources: ExplainSources, requests: readonly SentRequest[]): Promise<void> {
  for (const { method, port, path, headers } of requests) {
    const url = `http://shop.example.com:${port}${path.replace("#part", "")}`;
    const lines = headers.map(([name, value]) => `${name}: ${value}`);
    const query = new URLSearchParams([
      ["method", method],
      ["url", url],
      ["node", "edge-1"],
      ...lines.map((line): [string, string] => ["header", line]),
    ]);
    const { group, version, node, ...facts } = await scene.fairway.get<Explanation>(`/v1/explain?${query.toString()}`);
    const asked = readAskedRequest({ method, url, headers: lines });
    expect(asked.ok && explainRequest(asked.value, sources)).toEqual(facts);
    expect({ group: group.name, node }).toEqual({
      group: "default",
      node: { id: "edge-1", connected: true, acknowledged: version },
    });
  }
}

function lower(headers: SentRequest["headers"]): SentRequest["headers"] {
  return headers.map(([name, value]) => [name.toLowerCase(), value.trim()] as const);
}

function agrees({ outcome, route, request: asked }: RequestFacts, happened: Happened, sent: SentRequest): boolean {
  // Envoy looks for a route even then, for the headers of its refusal.
  const isRouted = outcome.kind !== "refused" || route !== undefined;
  if (isRouted && happened.route !== undefined && happened.route !== route?.name) return false;
  switch (outcome.kind) {
    case "forward": {
      const possible = outcome.clusters
        .filter(({ percent }) => percent > 0)
        .map(({ cluster }) => cluster.replace("s", "v"));
      if (happened.backend === undefined) return happened.status === 404 && possible[0] === "nowhere";
      if (!possible.includes(happened.backend)) return false;
      return (
        happened.path === undefined ||
        (happened.path === (outcome.path ?? asked.matchedPath ?? sent.path) &&
          happened.host === (outcome.host ?? asked.matchedHost ?? sent.host))
      );
    }
    case "redirect":
      return happened.status === outcome.status && happened.location === outcome.location;
    case "answer":
    case "not-found":
    case "refused":
      // To gRPC Envoy answers 200 whatever it is.
      return happened.backend === undefined && happened.status === (isGrpc(sent) ? 200 : outcome.status);
    case "unknown":
      return false;
  }
}

function isGrpc({ headers }: SentRequest): boolean {
  return headers.some(([name, value]) => name === "content-type" && /^application\/grpc(\+|$)/.test(value));
}

async function send(sent: SentRequest): Promise<Happened> {
  const headers: Record<string, string[]> = {};
  for (const [name, value] of sent.headers) (headers[name.toLowerCase()] ??= []).push(value);
  return new Promise((resolve) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port: sent.port,
        method: sent.method,
        path: sent.method === "CONNECT" ? sent.host : sent.path,
        headers: { ...headers, host: sent.host },
      },
      (answer) => {
        let body = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => (body += part));
        answer.on("end", () => {
          const { "x-backend": backend, "x-route": route, location } = answer.headers;
          const echoed =
            backend === undefined || body === "" ? {} : (JSON.parse(body) as Pick<Happened, "path" | "host">);
          resolve({
            status: answer.statusCode ?? 0,
            ...(typeof backend === "string"
              ? { backend, ...(echoed.path === undefined ? {} : { path: echoed.path, host: echoed.host ?? "" }) }
              : {}),
            ...(typeof route === "string" ? { route } : {}),
            ...(location === undefined ? {} : { location }),
          });
        });
      },
    );
    // Node would write it in upper case.
    outgoing.method = sent.method;
    // Node hands over the connection whatever the answer to a CONNECT is.
    outgoing.on("connect", (answer, socket) => {
      const { "x-route": route } = answer.headers;
      socket.destroy();
      resolve({ status: answer.statusCode ?? 0, ...(typeof route === "string" ? { route } : {}) });
    });
    outgoing.on("error", (error) => resolve({ status: error.message }));
    outgoing.end();
  });
}
