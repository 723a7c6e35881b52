/**
 * Invariant 10: every input is bounded in bytes, depth, count and time; big work runs off the event loop.
 *
 * What nodes send over gRPC has its bounds in one-unacknowledged-response.test.ts. Here: files and what is in
 * them, what nodes say of themselves, what is sent to the admin API, and that a large config is built while
 * the thread that serves goes on.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import type { BuildOutcome } from "../../src/cli/builder.ts";
import { Builder } from "../../src/cli/builder.ts";
import { DirectorySource } from "../../src/config/directory-source.ts";
import type { SourceLimits } from "../../src/config/limits.ts";
import { defaultLimits } from "../../src/config/limits.ts";
import type { SourceState } from "../../src/config/source.ts";
import { parseIntent } from "../../src/model/parse-intent.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { systemClock as clock } from "../../src/support/clock.ts";
import { contentHash } from "../../src/support/hash.ts";
import { envoyApi } from "../support/envoy-api.ts";
import { eventuallyValue } from "../support/eventually.ts";
import { openFiles } from "../support/open-files.ts";
import { tempDir } from "../support/temp-dir.ts";
import { RunningPlane } from "./running-plane.ts";

async function problemsWith(limits: Partial<SourceLimits>): Promise<readonly string[]> {
  await using directory = await tempDir();
  await mkdir(directory.join("deep", "er"), { recursive: true });
  for (const name of ["a.yaml", "b.yaml", "deep/er/c.yaml"]) await writeFile(directory.join(name), "services: {}\n");
  const source = new DirectorySource({ roots: [directory.path], clock, limits });
  const { problems } = await new Promise<SourceState>((resolve) => void source.start(resolve));
  await source.close();
  return problems.map(({ code }) => code);
}

function codesOf(text: string): readonly string[] {
  const document = { path: "a.yaml", bytes: Buffer.from(text), hash: "h" };
  return parseIntent({ documents: [document], problems: [], api: envoyApi }).diagnostics.map(({ code }) => code);
}

describe("of the files", () => {
  test("there is a limit for each of bytes, total bytes, count, names and depth", async () => {
    expect(await problemsWith({})).toEqual([]);
    expect(await problemsWith({ fileBytesMax: 5 })).toContain("source-too-large");
    expect(await problemsWith({ totalBytesMax: 30 })).toContain("source-too-large");
    expect(await problemsWith({ filesMax: 2 })).toContain("source-too-many");
    expect(await problemsWith({ entriesMax: 2 })).toContain("source-too-many");
    expect(await problemsWith({ depthMax: 1 })).toContain("source-too-many");
    for (const limit of Object.values(defaultLimits)) expect(limit).toBeLessThan(100 * 1024 * 1024);
  });
});

describe("in a file", () => {
  const aliases = Array.from({ length: 10 }, (_, level) => {
    const inner = level === 0 ? "x" : `*a${level - 1}`;
    return `k${level}: &a${level} [${Array.from({ length: 9 }, () => inner).join(",")}]\n`;
  });

  test.each([
    ["depth", "[".repeat(100_000)],
    ["aliases", aliases.join("")],
    ["documents", "---\n".repeat(10_000)],
  ])("there is a limit of %s, and it is met early", (_, text) => {
    const startedMs = performance.now();
    expect(codesOf(text)).toEqual(["yaml-limit"]);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  test("names are short, and of the problems only so many are told", () => {
    const name = "n".repeat(10_000);
    expect(codesOf(`services: { ${name}: { endpoints: ["127.0.0.1:1"] } }`)).not.toEqual([]);
    const wrong = Array.from({ length: 5_000 }, (_, index) => `  s${index}: 1`).join("\n");
    expect(codesOf(`services:\n${wrong}\n`).length).toBeLessThanOrEqual(201);
  });
});

test("what a node says of itself is bounded", async () => {
  await using running = await RunningPlane.start({ files: { "a.yaml": "services: {}" } });
  await running.newVersion();
  using client = running.connect({ nodeId: "n".repeat(257) }).ask(typeUrls.cluster);
  expect(await client.ended()).toMatchObject({ code: status.INVALID_ARGUMENT });
  using rejecting = running.connect().ask(typeUrls.listener);
  rejecting.reject(await rejecting.response(typeUrls.listener), "x".repeat(1_000_000));
  expect((await running.event("rejected")).message.length).toBeLessThanOrEqual(2_000);
});

test("what is sent to the admin API is bounded", async () => {
  await using running = await RunningPlane.start({ files: { "a.yaml": "services: {}" } });
  const answer = await running.admin.app.inject({
    method: "POST",
    url: "/v1/snapshots/x/confirm",
    headers: { host: "localhost", "content-type": "application/json" },
    payload: JSON.stringify("x".repeat(1_000_000)),
  });
  expect(answer.statusCode).toBe(413);
  expect(await running.ask("/v1/nodes?limit=1000000")).toMatchObject({ status: 400 });
});

test("a config of 3 MB is built while the event loop of the serving thread goes on", async () => {
  const outcomes: BuildOutcome[] = [];
  const files = openFiles();
  const onOutcome = (outcome: BuildOutcome) => outcomes.push(outcome);
  const builder = new Builder({ clock, files, onOutcome, onPersisted: () => undefined });
  const bytes = Buffer.from(largeConfig(3_000_000));
  const documents = [{ path: "large.yaml", bytes, hash: contentHash([bytes]) }];
  let longestMs = 0;
  let lastMs = performance.now();
  const startedMs = lastMs;
  const tick = () => {
    longestMs = Math.max(longestMs, performance.now() - lastMs);
    lastMs = performance.now();
  };
  const timer = setInterval(tick, 5);
  builder.build({ revision: 1, documents, problems: [], noticedAtMs: startedMs, cause: "start" });
  const outcome = await eventuallyValue("the build", () => outcomes[0], { timeoutMs: 50_000 });
  tick();
  clearInterval(timer);
  await builder.close();
  expect(outcome.kind).toBe("built");
  // Relative to the build, so that a slow machine changes nothing: in this thread it would be all of it.
  expect(longestMs).toBeLessThan((performance.now() - startedMs) / 3);
}, 60_000);

function largeConfig(bytesCount: number): string {
  const endpoints = Array.from({ length: 500 }, (_, index) => `"10.0.${index >> 8}.${index & 255}:8080"`).join(", ");
  const lines = Array.from(
    { length: bytesCount / endpoints.length },
    (_, index) => `  s${index}: { endpoints: [${endpoints}] }`,
  );
  return `services:\n${lines.join("\n")}\n`;
}
