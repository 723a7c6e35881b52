/**
 * The building thread as it runs in `serve`: a real worker.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BuildOutcome, PersistedBytes } from "../../../src/cli/builder.ts";
import { Builder } from "../../../src/cli/builder.ts";
import type { ReferencedFiles } from "../../../src/config/referenced-files.ts";
import type { SourceState } from "../../../src/config/source.ts";
import { readAskedRequest } from "../../../src/explain/asked-request.ts";
import { restoreSnapshot } from "../../../src/snapshot/persisted-snapshot.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { present } from "../../../src/support/assert.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { contentHash } from "../../../src/support/hash.ts";
import { openFiles } from "../../support/open-files.ts";
import { eventually } from "../../support/eventually.ts";

let referenced: ReferencedFiles;
let builder: Builder;
let outcomes: BuildOutcome[];
let persisted: PersistedBytes[];
let revision = 0;

beforeEach(() => {
  referenced = openFiles();
  outcomes = [];
  persisted = [];
  builder = newBuilder();
});

function newBuilder(): Builder {
  return new Builder({
    clock: systemClock,
    files: referenced,
    onOutcome: (outcome) => outcomes.push(outcome),
    onPersisted: (bytes) => persisted.push(bytes),
  });
}

afterEach(async () => {
  await referenced.close();
  await builder.close();
});

function stateOf(files: Readonly<Record<string, string>>): SourceState {
  revision += 1;
  const documents = Object.entries(files).map(([path, text]) => {
    const bytes = Buffer.from(text);
    return { path, bytes, hash: contentHash([bytes]) };
  });
  return { revision, documents, problems: [], noticedAtMs: systemClock.monotonicMs(), cause: `state ${revision}` };
}

async function outcomeOf(state: SourceState): Promise<BuildOutcome> {
  builder.build(state);
  await eventually("the build", () => outcomes.some((outcome) => outcome.state === state));
  return outcomes.find((outcome) => outcome.state === state) as BuildOutcome;
}

function clustersOf(outcome: BuildOutcome): readonly string[] {
  if (outcome.kind !== "built") return [outcome.kind];
  const [snapshot] = [...outcome.snapshots.values()];
  return [...(snapshot?.tables.get(typeUrls.cluster)?.resources.keys() ?? [])];
}

const service = (name: string) => `services: { ${name}: { endpoints: ["127.0.0.1:1"] } }\n`;

describe("the builder", () => {
  test("builds, shares what did not change, and drops what is gone", async () => {
    const first = await outcomeOf(stateOf({ "a.yaml": service("a"), "b.yaml": service("b") }));
    const second = await outcomeOf(stateOf({ "a.yaml": service("a"), "c.yaml": service("c") }));
    expect([clustersOf(first), clustersOf(second)]).toEqual([
      ["a", "b"],
      ["a", "c"],
    ]);
    const clusterA = (outcome: BuildOutcome) =>
      outcome.kind === "built"
        ? [...([...outcome.snapshots.values()][0]?.tables.get(typeUrls.cluster)?.resources.values() ?? [])][0]
        : undefined;
    expect(clusterA(second)).toBe(clusterA(first));
  });

  test("refuses with diagnostics and goes on from the last good build", async () => {
    const good = stateOf({ "a.yaml": service("a") });
    await outcomeOf(good);
    const refused = await outcomeOf(stateOf({ "a.yaml": "services: [" }));
    expect(refused.kind === "refused" && refused.diagnostics[0]?.at).toMatchObject({ file: "a.yaml", line: 1 });
    expect(clustersOf(await outcomeOf(stateOf({ "a.yaml": service("b") })))).toEqual(["b"]);
  });

  test("builds only the newest of the states that come while it is busy", async () => {
    const states = Array.from({ length: 50 }, (_, index) => stateOf({ "a.yaml": service(`s${index}`) }));
    for (const state of states) builder.build(state);
    const last = states.at(-1) as SourceState;
    await eventually("the last build", () => outcomes.some((outcome) => outcome.state === last));
    expect(outcomes.length).toBeLessThan(5);
    expect(clustersOf(outcomes.at(-1) as BuildOutcome)).toEqual(["s49"]);
  });

  test("hands over the bytes for the disk before a small snapshot is served", async () => {
    const outcome = await outcomeOf(stateOf({ "a.yaml": service("a") }));
    const restored = restoreSnapshot(persisted[0]?.bytes ?? new Uint8Array());
    const version = outcome.kind === "built" ? [...outcome.snapshots.values()][0]?.version : undefined;
    expect(restored.ok && restored.value.version).toBe(version);
  });

  test("hands over a snapshot of many parts whole and in order, and then only what changed", async () => {
    const names = Array.from({ length: 950 }, (_, index) => `s${String(index).padStart(3, "0")}`);
    const many = `services:\n${names.map((name) => `  ${name}: { endpoints: ["127.0.0.1:1"] }\n`).join("")}`;
    const first = await outcomeOf(stateOf({ "a.yaml": many, "b.yaml": service("z") }));
    expect(clustersOf(first)).toEqual([...names, "z"]);
    const second = await outcomeOf(stateOf({ "a.yaml": many, "b.yaml": service("x") }));
    expect(clustersOf(second)).toEqual(["x", ...names].toSorted());
    const clusters = [first, second].map((outcome) =>
      outcome.kind === "built"
        ? [...outcome.snapshots.values()][0]?.tables.get(typeUrls.cluster)?.resources
        : undefined,
    );
    const moved = [...(clusters[0] ?? [])].filter(([name, resource]) => clusters[1]?.get(name) !== resource);
    expect(moved.map(([name]) => name)).toEqual(["z"]);
  });

  test("knows the private types that it is given", async () => {
    const bytes = gunzipSync(readFileSync(new URL("../model/private-types/widget.binpb.gz", import.meta.url)));
    const widget = `resources:
  - "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
    name: widget
    typed_config: { "@type": type.googleapis.com/acme.v1.Widget, name: a, period: 1s, parts: [{ flag: true }] }
`;
    const without = await outcomeOf(stateOf({ "a.yaml": widget }));
    expect(without).toMatchObject({ kind: "refused", diagnostics: [{ code: "unknown-envoy-type" }] });
    await builder.close();
    builder = new Builder({
      clock: systemClock,
      files: referenced,
      sets: [{ name: "widget", bytes }],
      onOutcome: (outcome) => outcomes.push(outcome),
      onPersisted: (each) => persisted.push(each),
    });
    const built = await outcomeOf(stateOf({ "a.yaml": widget }));
    expect(built).toMatchObject({ kind: "built" });
    const refused = await outcomeOf(stateOf({ "a.yaml": widget.replace("period: 1s", "period: 0s") }));
    expect(refused).toMatchObject({ kind: "refused", diagnostics: [{ code: "envoy-constraint", at: { line: 4 } }] });
  });
});

describe("explaining a request", () => {
  const config = `gateways: { public: { listeners: [{ name: http, port: 80 }] } }
services: { a: { endpoints: ["10.0.0.1:80"] } }
routes:
  shop:
    rules:
      - { name: main, matches: [{ path: /a }], backends: [{ service: a }] }
`;
  const question = readAskedRequest({ method: "GET", url: "http://x/a/b", headers: [] });
  const asked = present(question.ok ? question.value : undefined, "the question is good");

  async function builtFrom(text: string): Promise<Snapshot> {
    const outcome = await outcomeOf(stateOf({ "shop.yaml": text }));
    return present(outcome.kind === "built" ? [...outcome.snapshots.values()][0] : undefined, "the config is good");
  }

  test("tells the lines of rules for what was built lately, also when something newer was built since", async () => {
    const earlier = await builtFrom(config);
    await builtFrom(config.replace("10.0.0.1", "10.0.0.2"));
    const explained = await builder.explain(asked, earlier);
    expect(explained).toMatchObject({
      ok: true,
      value: { hasLines: true, facts: { route: { name: "shop/main", at: { file: "shop.yaml", line: 6 } } } },
    });
    expect(explained.ok && explained.value.facts.clusters[0]?.endpoints[0]?.address).toBe("10.0.0.1:80");
  });

  test("works on the resources of a snapshot that another run built", async () => {
    const before = await builtFrom(config);
    await builder.close();
    builder = newBuilder();
    const explained = await builder.explain(asked, before);
    expect(explained).toMatchObject({
      ok: true,
      value: { hasLines: false, facts: { route: { name: "shop/main" }, outcome: { kind: "forward" } } },
    });
    expect(explained.ok && explained.value.facts.clusters[0]?.endpointCount).toBe(1);
  });

  test("has a bound on how many questions wait, and answers them all when it is closed", async () => {
    const snapshot = await builtFrom(config);
    const answers = Array.from({ length: 20 }, () => builder.explain(asked, snapshot));
    await builder.close();
    const told = (await Promise.all(answers)).map((answer) => (answer.ok ? "explained" : answer.error));
    expect(told.slice(16)).toEqual(Array.from({ length: 4 }, () => "16 questions are waiting; ask again"));
    expect(new Set(told.slice(0, 16))).toEqual(new Set(["the building thread has ended; ask again"]));
  });
});
