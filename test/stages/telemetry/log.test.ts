/**
 * The log's lines: safe to print, sensibly weighted, and bounded when a fleet repeats itself.
 */
import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import { brand } from "../../../src/support/brand.ts";
import type { ResourceName } from "../../../src/snapshot/resource.ts";
import type { GroupName, SnapshotVersion } from "../../../src/snapshot/snapshot.ts";
import { diffSnapshots } from "../../../src/snapshot/diff.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import type { FairwayEvent } from "../../../src/telemetry/event.ts";
import type { LogOptions } from "../../../src/telemetry/log.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { edge, identity, snapshotOf, streamOf } from "../fleet/example-events.ts";

const version = brand<SnapshotVersion>("0123456789abcdef");

const loss = { beforeCount: 3, afterCount: 0 };
const by = { version, groups: [edge], spent: [], actor: "alice", replica: "one", atMs: 0 };

const diagnostic: Diagnostic = {
  code: "unknown-key",
  severity: "error",
  message: "unknown key `clustr`",
  at: { file: "routes.yaml", line: 3, column: 5 },
};

function logged(events: readonly FairwayEvent[], options: Partial<LogOptions> = {}): readonly string[] {
  const lines: string[] = [];
  const log = createLog({
    write: (line) => lines.push(line),
    terminal: false,
    color: false,
    level: "debug",
    draw: ({ at, message }) => `${at.file}:${at.line}\n  ^ ${message}`,
    ...options,
  });
  for (const event of events) log.record(event);
  return lines;
}

function parsed(
  events: readonly FairwayEvent[],
  options: Partial<LogOptions> = {},
): readonly Record<string, unknown>[] {
  return logged(events, options).map((line) => JSON.parse(line) as Record<string, unknown>);
}

const serving = {
  kind: "serving",
  atMs: 0,
  xdsAddress: "127.0.0.1:18000",
  adminAddress: "127.0.0.1:18001",
  pid: 7,
} as const;

const refused: FairwayEvent = { kind: "config-refused", atMs: 0, cause: "routes.yaml", diagnostics: [diagnostic] };

describe("levels and content", () => {
  test("warns of a stream that is refused, unless only the server is not ready yet", () => {
    const lines = [true, false].map((isTooEarly) => streamOf("a", 1).refused("no valid snapshot yet", { isTooEarly }));
    expect(parsed(lines).map(({ level }) => level)).toEqual(["info", "warn"]);
  });

  test("writes a rejection as a warning with the file and line that caused it", () => {
    const [line] = parsed([streamOf("a", 1).rejected("shop", "a1")]);
    expect(line).toMatchObject({ level: "warn", nodeId: "a", kind: "rejected", at: "1970-01-01T00:00:10.000Z" });
    expect(line?.["msg"]).toBe(
      "a rejected CDS v-1 (shop from services.yaml:7:3): Error adding/updating cluster(s) shop",
    );
  });

  test("writes a refused config as an error with the diagnostics drawn", () => {
    expect(parsed([refused])[0]).toMatchObject({
      level: "error",
      msg: "config refused (routes.yaml): routes.yaml:3:5: unknown key `clustr`",
      drawn: "routes.yaml:3\n  ^ unknown key `clustr`",
      diagnosticsCount: 1,
    });
  });

  test("writes a config that waits as a warning with the way out, and says when it is there", () => {
    const { source: _, ...away } = diagnostic;
    const waiting = {
      ...away,
      code: "etcd-empty",
      message: "nothing has been pushed yet",
      hint: "run fairway push",
    } as const;
    const lines = parsed([
      { kind: "config-waiting", atMs: 0, cause: "start", diagnostics: [waiting] },
      { kind: "config-arrived", atMs: 0, cause: "etcd:/fairway/config/a.yaml" },
    ]);
    expect(lines).toMatchObject([
      {
        level: "warn",
        msg: "config waits for etcd (start): routes.yaml:3:5: nothing has been pushed yet: run fairway push",
        diagnosticsCount: 1,
      },
      { level: "info", msg: expect.stringContaining("that was waited for is there") },
    ]);
  });

  test("counts what an accepted config changed and does not list it", () => {
    const before = snapshotOf({ a: "1", b: "1" });
    const after = snapshotOf({ a: "2", c: "1" });
    const [line] = parsed([
      {
        kind: "config-accepted",
        atMs: 0,
        group: edge,
        snapshotVersion: version,
        cause: "routes.yaml",
        buildMs: 3,
        noticedAgoMs: 5,
        changes: diffSnapshots(before, after),
      },
    ]);
    expect(line?.["msg"]).toBe("edge is now 0123456789abcdef (routes.yaml): CDS +1 ~1 -1");
    expect(line?.["changes"]).toEqual([expect.objectContaining({ addedCount: 1, changedCount: 1, removedCount: 1 })]);
  });

  test("leaves the messages of healthy nodes out unless they are asked for", () => {
    const stream = streamOf("a", 1);
    const events = [stream.subscribed(), stream.sent(snapshotOf({})), stream.acked(), stream.synced(snapshotOf({}))];
    expect(logged(events, { level: "info" })).toEqual([]);
    expect(parsed(events).map((line) => line["level"])).toEqual(["debug", "debug", "debug", "debug"]);
  });

  test("never writes a node's metadata", () => {
    expect(logged([streamOf("a", 1).opened(), streamOf("a", 1).refused("no group")]).join("")).not.toContain("token");
  });

  test("says the way out of a held change on one line", () => {
    const names = ["a", "b", "c", "d", "e", "f"].map((name) => brand<ResourceName>(name));
    const findings = [
      { typeUrl: typeUrls.cluster, removedCount: 6, ofCount: 7, names, hosts: [] },
      { typeUrl: typeUrls.endpoints, removedCount: 1, ofCount: 1, names: names.slice(0, 1), hosts: [loss] },
      { typeUrl: typeUrls.route, removedCount: 1, ofCount: 2, names: names.slice(1, 2), hosts: [loss] },
    ];
    const held = { kind: "config-held", atMs: 0, group: edge, snapshotVersion: version, findings } as const;
    const [line, elsewhere] = parsed([held, { ...held, serverFlag: " --server http://127.0.0.1:19001" }]);
    expect(line?.["msg"]).toBe(
      "edge: 0123456789abcdef is held until confirmed, it would remove 6 of 7 clusters (a, b, c, d, e and 1 more), " +
        "the hosts of a (3 → 0), all that there are, " +
        "the virtual hosts of b (3 → 0), 1 of 2 lists of virtual hosts: " +
        "look at it with fairway confirm, release it with fairway confirm 0123456789abcdef",
    );
    expect(elsewhere?.["msg"]).toMatch(
      /with fairway confirm --server http:\/\/127\.0\.0\.1:19001, .* 0123456789abcdef --server http:\/\/127\.0\.0\.1:19001$/,
    );
  });

  test("says who has confirmed what was held, and why", () => {
    const event = { kind: "config-confirmed", atMs: 0, group: edge, snapshotVersion: version } as const;
    const lines = parsed([
      { ...event, by },
      { ...event, by: { ...by, reason: "the old shop is gone" } },
    ]);
    expect(lines.map((line) => line["msg"])).toEqual([
      "edge: 0123456789abcdef was confirmed by alice (unverified, at one)",
      "edge: 0123456789abcdef was confirmed by alice (unverified, at one): the old shop is gone",
    ]);
  });

  test("says that the config is good again, and where a node was moved to", () => {
    const lines = parsed([
      { kind: "config-mended", atMs: 0, cause: "routes.yaml changed" },
      streamOf("edge-1", 1).moved(brand<GroupName>("rim")),
    ]);
    expect(lines.map((line) => line["msg"])).toEqual([
      "the config is good again (routes.yaml changed)",
      "edge-1 moved to group rim",
    ]);
  });

  test("says what the xDS port asks for", () => {
    const lines = parsed([
      { ...serving, xdsAsksFor: [] },
      { ...serving, xdsAsksFor: ["TLS", "client certificates", "checked node ids"] },
    ]);
    const [others, asProcess] = ["admin on http://127.0.0.1:18001", "as process 7"];
    expect(lines.map((line) => line["msg"])).toEqual([
      `serving xDS on 127.0.0.1:18000 (plain text), ${others}, ${asProcess}`,
      `serving xDS on 127.0.0.1:18000 (TLS, client certificates, checked node ids), ${others}, ${asProcess}`,
    ]);
  });

  test("has a line for every other kind of event", () => {
    const all: readonly FairwayEvent[] = [
      { kind: "config-held", atMs: 0, group: edge, snapshotVersion: version, findings: [] },
      { kind: "config-mended", atMs: 0, cause: "routes.yaml changed" },
      { kind: "config-confirmed", atMs: 0, group: edge, snapshotVersion: version, by },
      { kind: "config-hold-withdrawn", atMs: 0, group: edge, snapshotVersion: version },
      { kind: "source-warning", atMs: 0, diagnostics: [diagnostic, diagnostic] },
      { kind: "lkg-promoted", atMs: 0, group: edge, snapshotVersion: version },
      {
        kind: "lkg-loaded",
        atMs: 0,
        group: edge,
        snapshotVersion: version,
        reason: "the files are gone",
        isNewest: false,
      },
      { kind: "state-write-failed", atMs: 0, message: "disk full" },
      { ...serving, xdsAsksFor: [] },
      { kind: "handshakes-failed", atMs: 0, reason: "it does not speak HTTP/2", count: 1, peer: "10.0.0.1:4000" },
      { kind: "xds-certificate-renewed", atMs: 0, validUntilMs: 0, isValidNow: true },
      { kind: "xds-certificate-renewed", atMs: 0, validUntilMs: 0, isValidNow: false },
      { kind: "xds-certificate-kept", atMs: 0, mistakes: ["--xds-key a.key does not fit"] },
      { kind: "stopping", atMs: 0, reason: "SIGTERM" },
      streamOf("a", 1).moved(edge),
      streamOf("a", 1).closed(),
      streamOf("a", 1).gate(snapshotOf({}), "overdue"),
    ];
    expect(parsed(all).map((line) => `${String(line["level"])} ${String(line["kind"])}`)).toEqual([
      "warn config-held",
      "info config-mended",
      "info config-confirmed",
      "info config-hold-withdrawn",
      "warn source-warning",
      "info lkg-promoted",
      "warn lkg-loaded",
      "error state-write-failed",
      "info serving",
      "warn handshakes-failed",
      "info xds-certificate-renewed",
      "warn xds-certificate-renewed",
      "warn xds-certificate-kept",
      "info stopping",
      "info stream-moved",
      "info stream-closed",
      "warn gate",
    ]);
  });
});

describe("what others wrote", () => {
  const nasty = "a\u001b[31m\nINFO forged\u0085\u202e\u2028\ud800";
  const event: FairwayEvent = { ...streamOf("b", 1).opened(), nodeId: nasty, node: identity(nasty) };

  test("is escaped in JSON and reads back as it was", () => {
    const [line] = logged([event]);
    expect(line?.trimEnd()).toMatch(/^[\u0020-\u007e]+$/);
    expect(JSON.parse(line ?? "")).toMatchObject({ nodeId: nasty });
  });

  test("is escaped on a terminal and stays on its line", () => {
    const [line] = logged([event], { terminal: true });
    expect(line?.trimEnd()).toMatch(/^[\u0020-\u007e]+$/);
    expect(line).toContain("a\\u001b[31m\\u000aINFO forged\\u0085\\u202e\\u2028\\ud800 connected");
  });
});

describe("the readable form", () => {
  test("is time, level and sentence, with what was drawn below", () => {
    expect(logged([refused], { terminal: true })).toEqual([
      "00:00:00.000 error config refused (routes.yaml): routes.yaml:3:5: unknown key `clustr`\n" +
        "  routes.yaml:3\n    ^ unknown key `clustr`\n",
    ]);
  });

  test("keeps the colours of what was drawn, and no other escape sequence", () => {
    const draw = () => "\u001b[31mred\u001b[0m \u001b[2J";
    const [line] = logged([refused], { terminal: true, color: true, draw });
    expect(line).toContain("  \u001b[31mred\u001b[0m \\u001b[2J\n");
  });

  test("is coloured only when asked", () => {
    expect(logged([refused], { terminal: true }).join("")).not.toContain("\u001b");
    expect(logged([refused], { terminal: true, color: true }).join("")).toContain("\u001b[31merror\u001b[0m");
  });
});

describe("repetition", () => {
  test("of one node is cut short, and the next line that passes says how much was left out", () => {
    const rejections = Array.from({ length: 100 }, () => ({ ...streamOf("a", 1).rejected("shop", "a1"), atMs: 1_000 }));
    const later = { ...streamOf("a", 1).rejected("shop", "a1"), atMs: 62_000 };
    const lines = parsed([...rejections, later]);
    expect(lines).toHaveLength(6);
    expect(lines.at(-1)).toMatchObject({ suppressedCount: 95 });
  });

  test("by a whole fleet is cut short too", () => {
    const all = Array.from({ length: 5_000 }, (_, id) => ({
      ...streamOf(`n${id}`, id).rejected("shop", "a1"),
      atMs: 1_000,
    }));
    expect(logged(all)).toHaveLength(100);
  });

  test("does not silence another node or another kind of event", () => {
    const noisy = Array.from({ length: 50 }, () => streamOf("a", 1).rejected("shop", "a1"));
    const lines = parsed([...noisy, streamOf("b", 2).rejected("shop", "a1"), streamOf("a", 1).closed()]);
    expect(lines.slice(-2).map((line) => line["nodeId"])).toEqual(["b", "a"]);
  });
});
