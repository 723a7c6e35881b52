/**
 * What the benchmark of the data plane does before and after measuring; measuring itself takes minutes and is no test.
 */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { AskedServices } from "../../bench/dataplane/asked-services.ts";
import { dataplaneTables } from "../../bench/dataplane/dataplane-table.ts";
import { LoadClient, pooled } from "../../bench/dataplane/measure.ts";
import { readDataplaneOptions } from "../../bench/dataplane/options.ts";
import type { DataplaneOptions } from "../../bench/dataplane/options.ts";
import { chosenCases, policiesConfig, policyNames, policySecrets } from "../../bench/dataplane/policy-cases.ts";
import { rank } from "../../bench/percentile.ts";
import { loadConfig } from "../../src/cli/load-config.ts";
import { callGrpc, connectGrpc } from "../envoy/grpc-peer.ts";
import { envoyApi } from "../support/envoy-api.ts";
import { tempDir } from "../support/temp-dir.ts";

/** The options, or a failed test. */
function read(...args: readonly string[]): DataplaneOptions {
  const options = readDataplaneOptions(args);
  if (typeof options === "string") throw new Error(options);
  return options;
}

describe("the options", () => {
  test("ask for everything, nine times over, when there are none", () => {
    expect(read()).toEqual({
      parts: ["compare", "threads", "tail", "policies"],
      illnesses: ["sometimes-slow", "hung", "failing"],
      policies: policyNames,
      rounds: 9,
      quick: false,
      output: "table",
    });
  });

  test("name parts, or single policies of one part", () => {
    expect(read("--only", "tail,compare")).toMatchObject({ parts: ["compare", "tail"], policies: [] });
    expect(read("--only", "hung")).toMatchObject({ parts: ["tail"], illnesses: ["hung"], policies: [] });
    expect(read("--only", "jwt,cors", "--json")).toMatchObject({
      parts: ["policies"],
      policies: ["cors", "jwt"],
      output: "json",
    });
    expect(read("--only", "policies", "--quick").rounds).toBe(3);
    expect(read("--rounds", "5").rounds).toBe(5);
  });

  test("that nobody knows are refused with the words that there are", () => {
    expect(readDataplaneOptions(["--only", "jtw"])).toBe(
      '--only jtw: "jtw" is none of compare, threads, tail, policies, sometimes-slow, hung, failing, and no policy',
    );
    expect(readDataplaneOptions(["--rounds", "0"])).toBe("--rounds 0: write a number from 1 on");
    expect(readDataplaneOptions(["-o", "xml"])).toBe("-o xml: write table or json");
    expect(readDataplaneOptions(["--fast"])).toContain("--fast");
  });
});

describe("percentiles", () => {
  test("are of all measurements together, by the nearest rank", () => {
    const answer = { seconds: 1, sent: 500, failed: 1, leadFailed: 2, statuses: {}, lateMs: [0.1] };
    const first = { ...answer, latenciesMs: Array.from({ length: 500 }, (_, index) => index + 1) };
    const second = { ...answer, latenciesMs: Array.from({ length: 500 }, (_, index) => index + 501) };
    expect(pooled([second, first])).toEqual({
      p50Ms: 500,
      p99Ms: 990,
      p999Ms: 999,
      maxMs: 1_000,
      lateP99Ms: 0.1,
      sent: 1_000,
      failed: 2,
      leadFailed: 4,
    });
    expect(rank([], 50)).toBeNaN();
    // 41,000 times 99.9 is not whole in binary.
    const many = Array.from({ length: 41_000 }, (_, index) => index + 1);
    expect(rank(many, 99.9)).toBe(40_959);
  });
});

describe("the policies", () => {
  test("are all a config that Fairway takes, without a warning", async () => {
    const cases = chosenCases(policyNames).map((policy, index) => ({ policy, port: 10_000 + index }));
    await using asked = await AskedServices.start();
    const endpoints = {
      well: ["127.0.0.1:9001", "127.0.0.1:9003", "127.0.0.1:9004"],
      mtls: ["127.0.0.1:9002"],
    };
    const config = policiesConfig(cases, endpoints, asked.config());
    await using directory = await tempDir();
    const files = { ...policySecrets.files, "fairway.json": JSON.stringify(config) };
    await Promise.all(Object.entries(files).map(([name, text]) => writeFile(directory.join(name), text)));
    const { diagnostics, snapshots } = await loadConfig([directory.path], envoyApi);
    expect(diagnostics).toEqual([]);
    expect([...(snapshots?.keys() ?? [])]).toEqual(["default"]);
  });

  test("bring along what they are compared with", () => {
    expect(chosenCases(["csrf"]).map(({ name }) => name)).toEqual(["none", "post", "csrf"]);
  });
});

describe("the services that policies ask", () => {
  test.each([
    [
      "limiter",
      "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit",
      "envoy.service.ratelimit.v3.RateLimitResponse",
      { overallCode: "OK" },
    ],
    [
      "authorizer",
      "/envoy.service.auth.v3.Authorization/Check",
      "envoy.service.auth.v3.CheckResponse",
      { status: {}, okResponse: {} },
    ],
  ] as const)("let everything through and count it: %s", async (name, path, type, answer) => {
    await using asked = await AskedServices.start();
    using session = connectGrpc(asked.port);
    const { grpcStatus, messages } = await callGrpc(session, path);
    expect(grpcStatus).toBe("0");
    expect(messages.map((message) => envoyApi.toJson(`type.googleapis.com/${type}`, message))).toEqual([answer]);
    expect([asked.callsOf(name), asked.callsOf("collector")]).toEqual([1, 0]);
  });
});

describe("the load client", () => {
  test("goes on sending while nothing is answered, so that what waits behind a slow answer is seen to be slow", async () => {
    // Of 40 requests in 200 ms the first one that comes stops the whole server for 150 ms.
    let stopped = false;
    const server = createServer((_, response) => {
      const untilMs = performance.now() + 150;
      while (!stopped && performance.now() < untilMs);
      stopped = true;
      response.end("here");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using load = await LoadClient.start();
    const slow = pooled([await load.latency({ port }, { perSecond: 200, seconds: 0.2 })]);
    server.closeAllConnections();
    server.close();
    expect(slow).toMatchObject({ sent: 40, failed: 0 });
    // 30 of the 40 were due while it stood still, so half of all waited for more than a third of that.
    expect(slow.p50Ms).toBeGreaterThan(50);
  });

  test("knows an answer with a length from one in chunks, and a refusal from a success", async () => {
    const server = createServer((request, response) => {
      if (request.method === "POST") response.statusCode = 503;
      if (request.headers["x-chunks"] === undefined) response.setHeader("content-length", 5);
      response.write("first".slice(0, 2));
      setImmediate(() => response.end("first".slice(2)));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using load = await LoadClient.start();
    await load.warm({ port }, 50);
    await load.warm({ port, headers: { "x-chunks": "yes" } }, 50);
    await expect(load.warm({ port, method: "POST", body: "{}" }, 20)).rejects.toThrow(
      '20 of 20 requests failed: {"503":20}',
    );
    server.closeAllConnections();
    server.close();
  });
});

describe("the tables", () => {
  const times = { p50Ms: 0.4, p99Ms: 1.234, p999Ms: 5.678, maxMs: 9, lateP99Ms: 0.3 };

  test("show what was measured and nothing else", () => {
    const table = dataplaneTables({
      tail: [{ third: "hung", protection: "ejection", rounds: 3, ...times, sent: 6_000, failed: 3, leadFailed: 338 }],
    });
    expect(table.split("\n")[1]?.split(/ {2,}/)).toEqual([
      "hung",
      "ejection",
      "0.40",
      "1.23",
      "5.68",
      "9.00",
      "6000",
      "3",
      "338",
      "3",
    ]);
    expect(table).not.toContain("minimal");
  });

  test("give what a policy adds its sign, and say what it is compared with", () => {
    const row = { rounds: 5, cpuUs: 60, addedUs: 2.34, addedPercent: -0.2, addedUsLow: -1, addedUsHigh: 3 };
    const [title, plain, other] = dataplaneTables({
      policies: [
        { policy: "cors", base: "", ...row, ...times },
        { policy: "csrf", base: "post", ...row, ...times },
      ],
    }).split("\n");
    expect(title?.trim().split(/ {2,}/)).toEqual([
      "policy",
      "CPU us",
      "added us",
      "from",
      "to",
      "added %",
      "p50 ms",
      "p99 ms",
      "n",
    ]);
    expect(plain?.split(/ {2,}/)).toEqual(["cors", "60.0", "+2.3", "-1.0", "+3.0", "0", "0.40", "1.23", "5"]);
    expect(other).toMatch(/^csrf \(to post\) /);
  });

  test("show how far the pairs were apart", () => {
    const row = { pairs: 9, cpuUs: 60, ...times };
    const table = dataplaneTables({
      compare: [
        { config: "minimal", ...row, timesMinimal: 1, timesMinimalLeast: 1, timesMinimalMost: 1 },
        { config: "generated", ...row, timesMinimal: 1.009, timesMinimalLeast: 0.998, timesMinimalMost: 1.127 },
      ],
    });
    expect(table.split("\n")[2]?.split(/ {2,}/).slice(1, 5)).toEqual(["60.0", "1.009", "0.998", "1.127"]);
  });
});
