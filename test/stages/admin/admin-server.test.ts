/**
 * The admin server route by route, without a socket: what it answers, and that the answer has its shape.
 */
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { AdminViews, AskedConfirmation } from "../../../src/admin/admin-views.ts";
import { createAdminServer } from "../../../src/admin/admin-server.ts";
import {
  confirmedSchema,
  eventListSchema,
  healthSchema,
  nodeListSchema,
  nodeSchema,
  problemSchema,
  readinessSchema,
  snapshotListSchema,
  snapshotSchema,
  warningListSchema,
} from "../../../src/admin/api-schema.ts";
import { explanationSchema } from "../../../src/admin/explain-schema.ts";
import { brand } from "../../../src/support/brand.ts";
import { err, ok } from "../../../src/support/result.ts";
import type { GroupName } from "../../../src/snapshot/snapshot.ts";
import { snapshotOf, streamOf } from "../fleet/example-events.ts";
import { diagnostic, edgeGroup, heldSnapshot, past, served, viewsOf } from "./example-views.ts";

type Method = "GET" | "POST" | "PUT" | "OPTIONS" | "HEAD" | "DELETE";

interface Request {
  readonly method?: Method;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: string;
}

function serverOf(views: AdminViews = viewsOf(), errors: unknown[] = []) {
  const { app } = createAdminServer({
    listen: { host: "127.0.0.1", port: 0 },
    version: "0.1.0",
    views,
    onError: (error) => errors.push(error),
  });
  return async (url: string, { method = "GET", headers = {}, ...rest }: Request = {}) =>
    app.inject({ method, url, headers: { host: "localhost:18001", ...headers }, ...rest });
}

/** Parses strictly: a field that the schema does not know is an error. */
function shaped<Schema extends z.ZodType>(schema: Schema, answer: { json(): unknown }): z.infer<Schema> {
  const body = answer.json();
  const value = schema.parse(body);
  expect(value).toEqual(body);
  return value;
}

describe("health and readiness", () => {
  test("is alive while the event loop turns, and stalled when it is starved for long", async () => {
    const alive = await serverOf()("/healthz");
    expect(alive.statusCode).toBe(200);
    expect(shaped(healthSchema, alive).status).toBe("alive");
    const starved = viewsOf({}, { loopDelay: () => ({ p50Ms: 2_000, p99Ms: 3_000, maxMs: 4_000 }) });
    expect((await serverOf(starved)("/healthz")).statusCode).toBe(503);
  });

  test("is not ready before every group has a snapshot", async () => {
    for (const groups of [[], [edgeGroup(), edgeGroup({ current: undefined })]]) {
      const answer = await serverOf(viewsOf({ groups }))("/readyz");
      expect(answer.statusCode).toBe(503);
      expect(shaped(readinessSchema, answer).status).toBe("not_ready");
    }
  });

  test("says that etcd does not answer, and not that Fairway is not ready", async () => {
    const views = viewsOf({}, { replicas: async () => err("no connection") });
    const answer = await serverOf(views)("/v1/replicas");
    expect(answer.statusCode).toBe(503);
    expect(shaped(problemSchema, answer)).toMatchObject({
      title: "etcd does not answer",
      detail: "etcd does not say which replicas there are: no connection",
    });
  });

  test("is ready without reasons when all is as it should be", async () => {
    const answer = await serverOf(viewsOf({ groups: [edgeGroup({ held: undefined })] }))("/readyz");
    expect(answer.statusCode).toBe(200);
    expect(shaped(readinessSchema, answer)).toEqual({ status: "ready", reasons: [] });
  });

  test("stays ready and says why it is degraded", async () => {
    const answer = await serverOf(viewsOf({ groups: [edgeGroup({ source: "last-known-good" })] }))("/readyz");
    expect(answer.statusCode).toBe(200);
    expect(shaped(readinessSchema, answer)).toEqual({
      status: "degraded",
      reasons: [
        "serving last known good to edge",
        `edge: ${heldSnapshot.version} is held until it is confirmed: fairway confirm`,
      ],
    });
  });

  test("hands metrics on in the format of Prometheus", async () => {
    const answer = await serverOf()("/metrics");
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(answer.body).toBe("fairway_streams 1\n");
  });
});

describe("snapshots", () => {
  test("shows what each group has, had, holds back, and how far its nodes are", async () => {
    const list = shaped(snapshotListSchema, await serverOf()("/v1/snapshots"));
    expect(list.groups[0]).toMatchObject({
      group: "edge",
      current: {
        version: served.version,
        at: "1970-01-01T00:00:01.000Z",
        cause: "routes.yaml",
        types: { clusters: { count: 5 }, endpoints: { count: 0 } },
      },
      history: [{ version: served.version }, { version: past.version }],
      held: {
        version: heldSnapshot.version,
        findings: [{ type: "clusters", removedCount: 4, ofCount: 5, names: ["b", "c", "d", "e"] }],
      },
      convergence: { acknowledged: 1, rejected: 1, pending: 1, disconnected: 1 },
    });
  });

  test("shows why the config is refused", async () => {
    const diagnostics = Array.from({ length: 150 }, () => diagnostic);
    const views = viewsOf({}, { refused: () => ({ sinceMs: 0, diagnostics }) });
    const { refused } = shaped(snapshotListSchema, await serverOf(views)("/v1/snapshots"));
    expect(refused).toMatchObject({ since: "1970-01-01T00:00:00.000Z", diagnosticsCount: 150 });
    expect(refused?.diagnostics).toHaveLength(100);
    expect(refused?.diagnostics[0]).toEqual(diagnostic);
  });

  test("lists what the config is warned of, so many at most", async () => {
    const warning = { ...diagnostic, severity: "warning" } as const;
    const many = Array.from({ length: 1_001 }, () => warning);
    for (const warnings of [[], [warning], many]) {
      const answer = await serverOf(viewsOf({}, { warnings: () => warnings }))("/v1/warnings");
      expect(shaped(warningListSchema, answer)).toEqual({
        count: warnings.length,
        warnings: warnings.slice(0, 1_000),
      });
    }
  });

  test("pages over groups, and filters by group", async () => {
    const groups = ["a", "b", "c"].map((name) => edgeGroup({ name: brand<GroupName>(name) }));
    const get = serverOf(viewsOf({ groups }));
    const first = shaped(snapshotListSchema, await get("/v1/snapshots?limit=2&history=1"));
    expect(first.groups.map(({ group, history }) => [group, history.length])).toEqual([
      ["a", 1],
      ["b", 1],
    ]);
    const second = shaped(snapshotListSchema, await get(`/v1/snapshots?limit=2&after=${first.next}`));
    expect(second.groups.map(({ group }) => group)).toEqual(["c"]);
    expect(second.next).toBeUndefined();
    expect(shaped(snapshotListSchema, await get("/v1/snapshots?group=b")).groups).toHaveLength(1);
  });

  test("shows one snapshot, also a past and a held one, with the line that caused each resource", async () => {
    const get = serverOf();
    const answer = await get(`/v1/snapshots/${served.version}`);
    expect(answer.headers["etag"]).toBe(`"${served.version}"`);
    expect(shaped(snapshotSchema, answer)).toMatchObject({
      version: served.version,
      groups: [{ group: "edge", cause: "routes.yaml" }],
      types: { clusters: { count: 5 }, listeners: { count: 0, resources: [] } },
    });
    expect(shaped(snapshotSchema, answer).types["clusters"]?.resources[1]).toEqual({
      name: "b",
      version: "1",
      at: { file: "services.yaml", line: 2, column: 3 },
    });
    for (const { version } of [past, heldSnapshot])
      expect((await get(`/v1/snapshots/${version}`)).statusCode).toBe(200);
    expect((await get("/v1/snapshots/0000000000000000")).statusCode).toBe(404);
  });

  test("includes the resources as rendered only when asked", async () => {
    const get = serverOf();
    const url = `/v1/snapshots/${served.version}`;
    expect((await get(url)).body).not.toContain("@type");
    const { types } = shaped(snapshotSchema, await get(`${url}?include=resources`));
    expect(types["clusters"]?.resources[0]?.resource).toEqual({ "@type": "Cluster", name: "a" });
  });

  test("pages over the resources of one type", async () => {
    const get = serverOf();
    const names: string[] = [];
    let after = "";
    for (let page = 0; page < 3; page += 1) {
      const url = `/v1/snapshots/${served.version}?limit=2&type=clusters${after}`;
      const { types, next } = shaped(snapshotSchema, await get(url));
      names.push(...(types["clusters"]?.resources.map(({ name }) => name) ?? []));
      after = `&after=${encodeURIComponent(next ?? "")}`;
      if (next === undefined) break;
    }
    expect(names).toEqual(["a", "b", "c", "d", "e"]);
  });
});

describe("confirming a held change", () => {
  const url = `/v1/snapshots/${heldSnapshot.version}/confirm`;
  const match = { "if-match": `"${heldSnapshot.version}"` };

  test("releases it", async () => {
    const send = serverOf();
    const answer = await send(url, { method: "POST", headers: match });
    expect(answer.statusCode).toBe(200);
    expect(shaped(confirmedSchema, answer)).toEqual({ version: heldSnapshot.version, groups: ["edge"] });
    expect(shaped(snapshotListSchema, await send("/v1/snapshots")).groups[0]?.held).toBeUndefined();
  });

  test("needs the version as precondition", async () => {
    const answer = await serverOf()(url, { method: "POST" });
    expect(answer.statusCode).toBe(428);
    expect(shaped(problemSchema, answer).detail).toContain(`If-Match: "${heldSnapshot.version}"`);
  });

  test("is refused with the current state when another version is held, or the precondition is weak", async () => {
    const send = serverOf();
    const other = await send(`/v1/snapshots/${past.version}/confirm`, {
      method: "POST",
      headers: { "if-match": `"${past.version}"` },
    });
    expect(other.statusCode).toBe(412);
    expect(shaped(problemSchema, other).held).toEqual([{ group: "edge", version: heldSnapshot.version }]);
    for (const ifMatch of [`W/"${heldSnapshot.version}"`, "*", heldSnapshot.version, `"${past.version}"`]) {
      const answer = await send(url, { method: "POST", headers: { "if-match": ifMatch } });
      expect(answer.statusCode).toBe(412);
      expect(shaped(problemSchema, answer).held).toHaveLength(1);
    }
  });

  test("says who and why to whoever keeps it", async () => {
    const asked: AskedConfirmation[] = [];
    const confirm = async (each: AskedConfirmation) => {
      asked.push(each);
      return ok([edgeGroup().name]);
    };
    const send = serverOf(viewsOf({}, { confirm }));
    const say = (words: object) =>
      send(url, {
        method: "POST",
        headers: { ...match, "content-type": "application/json" },
        payload: JSON.stringify(words),
      });
    await send(url, { method: "POST", headers: match });
    await say({ actor: "alice", reason: "the old shop is gone", local: true });
    expect(asked).toEqual([
      { version: heldSnapshot.version, actor: "somebody", reason: undefined, isLocal: false },
      { version: heldSnapshot.version, actor: "alice", reason: "the old shop is gone", isLocal: true },
    ]);
    const wrong = await say({ who: "alice" });
    expect([wrong.statusCode, asked.length]).toEqual([400, 2]);
  });

  test("is refused, and releases nothing, when the other replicas cannot be told", async () => {
    const send = serverOf(
      viewsOf({}, { confirm: async () => err({ kind: "unavailable", message: "etcd does not answer" }) }),
    );
    const answer = await send(url, { method: "POST", headers: match });
    expect(answer.statusCode).toBe(503);
    expect(shaped(problemSchema, answer).detail).toBe(
      "nothing is released, because the other replicas cannot be told of it now: etcd does not answer",
    );
  });

  test("is kept with the version that it let through", async () => {
    const confirmed = {
      version: past.version,
      groups: ["edge"],
      spent: [],
      actor: "alice",
      replica: "one",
      atMs: 9_000,
    };
    const send = serverOf(viewsOf({ groups: [edgeGroup({ history: [served, { ...past, confirmed }] })] }));
    const { groups } = shaped(snapshotListSchema, await send("/v1/snapshots"));
    expect(groups[0]?.history.map((each) => each.confirmed)).toEqual([
      undefined,
      { actor: "alice", actorVerified: false, at: "1970-01-01T00:00:09.000Z", replica: "one" },
    ]);
  });

  test("happens once", async () => {
    const send = serverOf();
    await send(url, { method: "POST", headers: match });
    const again = await send(url, { method: "POST", headers: match });
    expect(again.statusCode).toBe(412);
    expect(shaped(problemSchema, again)).toMatchObject({ detail: "nothing is held now", held: [] });
  });
});

describe("nodes", () => {
  test("are listed with what they have, refused and wait for", async () => {
    const { nodes } = shaped(nodeListSchema, await serverOf()("/v1/nodes"));
    expect(nodes.map(({ id, status, connected }) => [id, status, connected])).toEqual([
      ["bad", "error", true],
      ["done", "synced", true],
      ["gone", "not_sent", false],
      ["lost/1", "not_sent", false],
      ["slow", "not_sent", true],
    ]);
    expect(nodes.find(({ id }) => id === "slow")?.waiting?.for).toBe("CDS to be acknowledged");
    expect(nodes.find(({ id }) => id === "lost/1")?.refused?.reason).toBe("no group matches");
  });

  test("are shown one by one, also with a slash in the id", async () => {
    const get = serverOf();
    const bad = shaped(nodeSchema, await get("/v1/nodes/bad"));
    expect(bad.types[0]).toMatchObject({
      type: "clusters",
      status: "error",
      subscribedTo: "all",
      lastRejection: { resources: [{ name: "a", at: { file: "services.yaml", line: 7 } }] },
    });
    expect(shaped(nodeSchema, await get("/v1/nodes/lost%2F1")).id).toBe("lost/1");
    expect((await get("/v1/nodes/unknown")).statusCode).toBe(404);
  });

  test("are filtered and paged, and never more than 1,000 at once", async () => {
    const get = serverOf(
      viewsOf({ events: Array.from({ length: 1_500 }, (_, id) => streamOf(`n${id}`, id).opened()) }),
    );
    const first = shaped(nodeListSchema, await get("/v1/nodes"));
    expect(first.nodes).toHaveLength(1_000);
    const second = shaped(nodeListSchema, await get(`/v1/nodes?after=${first.next}`));
    expect(second.nodes).toHaveLength(500);
    expect((await get("/v1/nodes?limit=1001")).statusCode).toBe(400);
    expect(shaped(nodeListSchema, await serverOf()("/v1/nodes?status=error&connected=true")).nodes).toHaveLength(1);
    expect(shaped(nodeListSchema, await serverOf()("/v1/nodes?connected=false")).nodes).toHaveLength(2);
  });
});

describe("explaining a request", () => {
  const send = serverOf();

  test("hands on what is asked and answers every fact that the schema has", async () => {
    const answer = await send("/v1/explain?url=http%3A%2F%2Fx%2F&header=a%3A+1&header=b%3A+2&node=edge-1");
    expect(answer.statusCode).toBe(200);
    const facts = shaped(explanationSchema, answer);
    expect(facts).toEqual(answer.json());
    expect(facts.notes).toEqual(["a: 1", "b: 2"]);
    expect(shaped(explanationSchema, await send("/v1/explain?url=http%3A%2F%2Fx%2F&header=c%3A3")).notes).toEqual([
      "c:3",
    ]);
  });

  test("says what is wrong with the question", async () => {
    expect((await send("/v1/explain?url=x")).json()).toMatchObject({ status: 400, detail: '"x" is not a URL' });
    expect((await send("/v1/explain")).json()).toMatchObject({ status: 400 });
  });
});

describe("requests that cannot be met", () => {
  const rows: readonly (readonly [string, string, Request, number])[] = [
    ["a path that is not there", "/v1/nothing", {}, 404],
    ["a method that does not apply", "/v1/nodes", { method: "POST" }, 405],
    [
      "a method with a body of any type",
      "/v1/nodes",
      { method: "PUT", payload: "x", headers: { "content-type": "a/b" } },
      405,
    ],
    ["a preflight of a foreign page", "/v1/nodes", { method: "OPTIONS" }, 405],
    ["a misspelt parameter", "/v1/nodes?limt=5", {}, 400],
    ["a limit that is no number", "/v1/nodes?limit=many", {}, 400],
    ["an escape that is none", "/v1/nodes/%zz", {}, 400],
    [
      "a form",
      `/v1/snapshots/${heldSnapshot.version}/confirm`,
      { method: "POST", payload: "a=b", headers: { "content-type": "application/x-www-form-urlencoded" } },
      415,
    ],
    [
      "text",
      `/v1/snapshots/${heldSnapshot.version}/confirm`,
      { method: "POST", payload: "a", headers: { "content-type": "text/plain" } },
      415,
    ],
    [
      "a body that is too large",
      `/v1/snapshots/${heldSnapshot.version}/confirm`,
      { method: "POST", payload: JSON.stringify("x".repeat(70_000)), headers: { "content-type": "application/json" } },
      413,
    ],
  ];
  test.each(rows)("%s is a problem with its status", async (_title, url, request, status) => {
    const answer = await serverOf()(url, request);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    expect(shaped(problemSchema, answer).status).toBe(status);
    expect(answer.headers["x-content-type-options"]).toBe("nosniff");
  });

  test.each(["/v1/events?limit=", "/v1/nodes?limit=", "/v1/snapshots?history=", "/v1/nodes?group="])(
    "%s is told which parameter is empty",
    async (url) => {
      const answer = await serverOf()(url);
      const name = /\?(.*)=/.exec(url)?.[1];
      expect([answer.statusCode, shaped(problemSchema, answer).detail]).toEqual([
        400,
        `the query is wrong: ${name}: is empty; give it a value, or leave it out`,
      ]);
    },
  );

  test("a method that does not apply is told which does", async () => {
    const answer = await serverOf()("/v1/nodes", { method: "DELETE" });
    expect(answer.headers["allow"]).toBe("GET, HEAD");
  });

  test("a failure of ours is reported to us and not to the client", async () => {
    const errors: unknown[] = [];
    const failing = viewsOf({}, { metrics: () => Promise.reject(new Error("secret detail")) });
    const answer = await serverOf(failing, errors)("/metrics");
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain("secret detail");
    expect(errors).toHaveLength(1);
  });
});

test("every answer keeps browsers from doing anything with it, and none allows another origin", async () => {
  for (const url of ["/healthz", "/v1/nodes", "/v1/nothing", "/metrics"]) {
    const { headers } = await serverOf()(url);
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "cache-control": "no-store",
    });
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  }
});

test("renders a large snapshot in pages and lets other work through", async () => {
  const many = snapshotOf(Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`c${index}`, "1"])));
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  const views = viewsOf({ groups: [edgeGroup({ current: many, history: [many], held: undefined })] });
  const answer = await serverOf(views)(`/v1/snapshots/${many.version}?include=resources`);
  clearInterval(timer);
  const { types, next } = shaped(snapshotSchema, answer);
  expect(types["clusters"]?.count).toBe(3_000);
  expect(types["clusters"]?.resources).toHaveLength(1_000);
  expect(next).toBe(`clusters/${types["clusters"]?.resources.at(-1)?.name}`);
  expect(turns).toBeGreaterThan(0);
});

test("lists what happened after an event that was seen before", async () => {
  const ask = serverOf();
  const event = { id: 7, kind: "config-refused", at: "1970-01-01T00:00:00.000Z" };
  expect((await ask("/v1/events")).json()).toMatchObject({ events: [event] });
  expect((await ask("/v1/events?after=7")).json()).toEqual({ events: [] });
  expect((await ask("/v1/events?after=")).json()).toMatchObject({ events: [event] });
});

test("lists the newest events, or the next after one, as many as are asked for", async () => {
  const all = [1, 2, 3, 4].map(
    (id) => ({ id, atMs: 0, kind: "config-mended", level: "info", text: "", count: 1 }) as const,
  );
  const ask = serverOf(viewsOf({}, { events: (after) => all.filter(({ id }) => id > after) }));
  const ids = async (query: string) =>
    shaped(eventListSchema, await ask(`/v1/events?${query}`)).events.map(({ id }) => id);
  expect(await ids("limit=2")).toEqual([3, 4]);
  expect(await ids("after=1&limit=2")).toEqual([2, 3]);
  expect(await ids("after=0")).toEqual([1, 2, 3, 4]);
});
