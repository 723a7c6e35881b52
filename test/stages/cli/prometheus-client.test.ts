/**
 * Questions to a Prometheus that answers, is slow, hangs, fails, sends elsewhere or talks without end: never more than a
 * look at a time, and always an answer that says what is wrong.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { PrometheusClient } from "../../../src/cli/prometheus-client.ts";
import type { RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { eventually } from "../../support/eventually.ts";
import { played } from "../../support/played-rollout.ts";

interface Asked {
  readonly method: string | undefined;
  readonly path: string;
  readonly query: string;
  readonly time: string;
}

const names = {
  canary: { counted: ["shop|canary"], hosts: "shop|canary" },
  baseline: { counted: ["shop|stable"], hosts: "shop|stable" },
};

let asked: Asked[] = [];
let answer: (response: ServerResponse, query: string) => void = () => undefined;

const server = createServer((request: IncomingMessage, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://x");
  const [query, time] = [searchParams.get("query") ?? "", searchParams.get("time") ?? ""];
  asked.push({ method: request.method, path: pathname, query, time });
  answer(response, query);
});

beforeAll(() => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve)));

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  asked = [];
});

function vector(value: number | string): string {
  const result = [{ metric: { instance: "a" }, value: [1, String(value)] }];
  return JSON.stringify({ status: "success", data: { resultType: "vector", result } });
}

function recordOf(prometheus: object = {}): RolloutRecord {
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/prom`;
  const evidence = { prometheus: { url, every: "1s", ...prometheus } };
  return played({ steps: [{ weight: 20 }], evidence }, []).record;
}

/** The first answer of a client of its own. */
async function firstAnswer(record: RolloutRecord) {
  const client = new PrometheusClient(systemClock);
  client.ask(record, names);
  await eventually("an answer", () => client.seen(record, names) !== undefined);
  client.close();
  return client.seen(record, names);
}

test("asks by GET, all of one moment, and reads what stands by Envoy", async () => {
  answer = (response, query) => response.end(vector(query.includes("timestamp") ? 1_700_000_000.5 : 7));
  const seen = await firstAnswer(recordOf());
  expect(seen).toMatchObject({ kind: "answered", isByEnvoy: true });
  expect(seen?.kind === "answered" && [...seen.series]).toEqual([
    [
      'instance="a"',
      {
        reportedAtMs: 1_700_000_000_500,
        canary: { completed: 7, errors: 7 },
        baseline: { completed: 7, errors: 7 },
        canaryHealthyHosts: 7,
      },
    ],
  ]);
  expect(asked).toHaveLength(6);
  expect(new Set(asked.map(({ method, path }) => `${method} ${path}`))).toEqual(new Set(["GET /prom/api/v1/query"]));
  expect(new Set(asked.map(({ time }) => time)).size).toBe(1);
});

test.each<[string, typeof answer, string | RegExp]>([
  ["is down", (response) => response.destroy(), /socket|terminated|closed|ECONNRESET/],
  ["fails", (response) => response.writeHead(500).end("oops"), "it answers 500, and its answer is none of Prometheus"],
  [
    "refuses the query",
    (response) => response.writeHead(400).end('{"status":"error","errorType":"bad_data","error":"no such thing"}'),
    "it answers 400, and it says bad_data: no such thing",
  ],
  ["says nonsense", (response) => response.end("<html></html>"), "its answer is none of Prometheus"],
  [
    "sends elsewhere",
    (response) =>
      response.req.url?.startsWith("/prom") === true
        ? response.writeHead(302, { location: "/elsewhere" }).end()
        : response.end(vector(7)),
    /redirect/,
  ],
  ["talks without end", (response) => flood(response), "its answer is larger than 1 MiB"],
  ["hangs", () => undefined, "it has not answered in 0.3 s"],
  ["stops in the middle", (response) => void response.write('{"status":'), "it has not answered in 0.3 s"],
])("one that %s says nothing, and why", async (how, answers, why) => {
  answer = answers;
  const isSlow = how === "hangs" || how === "stops in the middle";
  const seen = await firstAnswer(recordOf({ timeout: isSlow ? "300ms" : "30s" }));
  expect(seen).toMatchObject({ kind: "nothing", why: expect.stringMatching(why) });
});

function flood(response: ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write("x".repeat(65_536)));
  };
  response.on("drain", more);
  more();
}

test("asks no more while a look is under way, and not before it is time", async () => {
  const waiting: ServerResponse[] = [];
  answer = (response) => void waiting.push(response);
  let nowMs = 0;
  const client = new PrometheusClient({ nowMs: () => nowMs, monotonicMs: () => nowMs });
  const record = recordOf({ every: "10s" });
  client.ask(record, names);
  await eventually("the first look", () => waiting.length === 6);
  nowMs = 60_000;
  client.ask(record, names);
  for (const response of waiting) response.end(vector(1));
  await eventually("the answer", () => client.seen(record, names) !== undefined);
  expect(asked).toHaveLength(6);
  answer = (response) => response.end(vector(1));
  client.ask(record, names);
  await eventually("the second look", () => asked.length === 12);
  client.close();
});

test("what comes late for one step is no answer to another that asks about other clusters", async () => {
  const waiting: ServerResponse[] = [];
  answer = (response) => void waiting.push(response);
  const client = new PrometheusClient(systemClock);
  const record = recordOf();
  const copies = { ...names, canary: { counted: ["shop|canary|mirror"], hosts: "shop|canary" } };
  client.ask(record, copies);
  await eventually("the look at copies", () => waiting.length === 6);
  for (const response of waiting) response.end(vector(1));
  await eventually("the answer about copies", () => client.seen(record, copies) !== undefined);
  expect(client.seen(record, names)).toBeUndefined();
  // It is asked at once.
  client.ask(record, names);
  await eventually("the look at requests", () => waiting.length === 12);
  client.close();
});

test("numbers of own queries are as old as their last change", async () => {
  let value = 1;
  let nowMs = 1_000;
  answer = (response) => response.setHeader("date", new Date(nowMs).toUTCString()).end(vector(value));
  const client = new PrometheusClient({ nowMs: () => nowMs, monotonicMs: () => nowMs });
  const queries = { completed: "sum({{cluster}})", errors: "sum({{cluster}})" };
  const record = recordOf({ queries });
  const look = async () => {
    const before = client.seen(record, names);
    client.ask(record, names);
    await eventually("an answer", () => client.seen(record, names) !== before);
    const seen = client.seen(record, names);
    return seen?.kind === "answered" ? [...seen.series.values()][0]?.reportedAtMs : undefined;
  };
  expect(await look()).toBe(1_000);
  nowMs = 11_000;
  expect(await look()).toBe(1_000);
  nowMs = 21_000;
  value = 2;
  expect(await look()).toBe(21_000);
  client.close();
});

test("is no evidence while its clock is another: it would tell of an hour ago", async () => {
  const record = recordOf();
  for (const [apartMs, kind] of [
    [3_600_000, "nothing"],
    [-3_600_000, "nothing"],
    [2_000, "answered"],
  ] as const) {
    answer = (response) => response.setHeader("date", new Date(Date.now() + apartMs).toUTCString()).end(vector(1));
    const seen = await firstAnswer(record);
    expect(seen?.kind).toBe(kind);
    if (seen?.kind === "nothing") expect(seen.why).toMatch(/^its clock and the one here are 3\d{3} s apart$/);
  }
});

test("what is under way when it closes is given up", async () => {
  let hasEnded = false;
  answer = (response) => void response.on("close", () => (hasEnded = true));
  const client = new PrometheusClient(systemClock);
  client.ask(recordOf({ timeout: "30s" }), names);
  await eventually("the questions", () => asked.length === 6);
  client.close();
  await eventually("the end", () => hasEnded);
});
