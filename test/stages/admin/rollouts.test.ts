/**
 * The routes of rollouts, without a socket, over rollouts that a test drives.
 */
import { describe, expect, test } from "vitest";
import { createAdminServer } from "../../../src/admin/admin-server.ts";
import { problemSchema } from "../../../src/admin/api-schema.ts";
import type { RolloutJson } from "../../../src/admin/rollout-schema.ts";
import { rolloutListSchema, rolloutSchema } from "../../../src/admin/rollout-schema.ts";
import { MemoryRollouts, portOf } from "../../support/memory-rollouts.ts";
import { viewsOf } from "./example-views.ts";

function scene() {
  const rollouts = new MemoryRollouts();
  const { app } = createAdminServer({
    listen: { host: "127.0.0.1", port: 0 },
    version: "0.1.0",
    views: viewsOf({}, portOf(rollouts)),
    onError: (error) => {
      throw error;
    },
  });
  const headers = { host: "localhost" };
  const get = (url: string) => app.inject({ url, headers });
  const send = (
    url: string,
    body: object,
    more: Readonly<Record<string, string>> = {},
    method: "POST" | "PUT" = "POST",
  ) => app.inject({ method, url, headers: { ...headers, ...more }, payload: body });
  const start = (target = "v2", more: Readonly<Record<string, string>> = {}, actor = "ci") =>
    send("/v1/rollouts", { plan, target, actor }, more);
  return { rollouts, get, send, start };
}

const plan = { split: "shop", steps: [{ weight: 5 }] };

describe("a start", () => {
  test("is answered with the rollout, its revision and 201", async () => {
    const { start } = scene();
    const answer = await start();
    expect(answer.statusCode).toBe(201);
    expect(answer.headers["etag"]).toBe('"1"');
    expect(rolloutSchema.parse(answer.json())).toEqual(answer.json());
    expect(answer.json<RolloutJson>()).toMatchObject({
      id: "shop-1",
      target: "v2",
      startedBy: "ci",
      phase: "preflight",
    });
  });

  test("attaches to the same one that is on, and says of a key that was used that it is a replay", async () => {
    const { start } = scene();
    await start("v2", { "idempotency-key": "job-1" });
    const attached = await start("v2");
    expect([attached.statusCode, attached.headers["idempotent-replayed"]]).toEqual([200, undefined]);
    const replayed = await start("v2", { "idempotency-key": "job-1" });
    expect([replayed.statusCode, replayed.headers["idempotent-replayed"]]).toEqual([200, "true"]);
  });

  test.each([
    ["another target while one is on", 409, "shop-1"],
    ["a key that was used for another target", 422, "shop-1"],
  ])("of %s is refused, with that one", async (what, status, id) => {
    const { start } = scene();
    await start("v2", { "idempotency-key": "job-1" });
    const answer = await start("v3", what.startsWith("a key") ? { "idempotency-key": "job-1" } : {});
    expect(answer.statusCode).toBe(status);
    expect(problemSchema.parse(answer.json())).toMatchObject({ rollout: { id, target: "v2" } });
  });

  test("of a wrong plan names the places, and one of an unknown split those that there are", async () => {
    const { send } = scene();
    const body = { target: "v2", plan: { split: "shop", steps: [{ weight: 1 }, { weight: "wrong" }] } };
    for (const url of ["/v1/rollouts", "/v1/rollout-plan"]) {
      const wrong = await send(url, body);
      expect([wrong.statusCode, wrong.json<object>()]).toMatchObject([
        422,
        { problems: ["steps[1].weight: is not a number"] },
      ]);
      const unknown = await send(url, { target: "v2", plan: { split: "shpo" } });
      expect([unknown.statusCode, unknown.json<{ detail: string }>().detail]).toEqual([
        404,
        "there is no such split: there is only `shop`",
      ]);
    }
  });

  test("of what somebody else has locked says who, why and until when", async () => {
    const { start, send } = scene();
    const taken = await send("/v1/rollouts/shop/lock", { owner: "ann", reason: "sale", ttl: "30m" }, {}, "PUT");
    expect(taken.json()).toEqual({ lock: { owner: "ann", reason: "sale", ends: "1970-01-01T00:30:00.000Z" } });
    const answer = await start();
    expect([answer.statusCode, answer.json<object>()]).toMatchObject([423, { lock: { owner: "ann", reason: "sale" } }]);
    expect((await send("/v1/rollouts/shop/unlock", { owner: "bob" })).statusCode).toBe(423);
    expect(answer.json<{ detail: string }>().detail).toContain(
      "`fairway rollout unlock shop --owner ann` gives it back",
    );
    const given = await send("/v1/rollouts/shop/unlock", { owner: "ann" });
    expect(given.json()).toMatchObject({ released: { owner: "ann", reason: "sale" } });
    expect((await send("/v1/rollouts/shop/unlock", { owner: "ann" })).json()).toEqual({});
    expect((await start()).statusCode).toBe(201);
  });
});

describe("a rollout is shown", () => {
  test("by its split and number, among all, and in the history", async () => {
    const { start, get, rollouts } = scene();
    expect((await get("/v1/rollouts/shop")).statusCode).toBe(404);
    await start();
    rollouts.end("promoted");
    await start("v3");
    expect((await get("/v1/rollouts/shop")).json<RolloutJson>().id).toBe("shop-2");
    expect((await get("/v1/rollouts/shop?number=1")).json<RolloutJson>()).toMatchObject({
      id: "shop-1",
      phase: "done",
      outcome: { kind: "promoted", tookMs: 40 },
    });
    for (const [url, ids] of [
      ["/v1/rollouts", ["shop-2"]],
      ["/v1/rollouts/shop/history", ["shop-2", "shop-1"]],
    ] as const) {
      const body = rolloutListSchema.parse((await get(url)).json());
      expect(body.rollouts.map(({ id }) => id)).toEqual(ids);
    }
  });

  test("after a wait as soon as it has changed, and as it is when the time is over", async () => {
    const { start, get, rollouts } = scene();
    await start();
    expect((await get("/v1/rollouts/shop?since=1&wait=100ms")).json<RolloutJson>().revision).toBe(1);
    const waiting = get("/v1/rollouts/shop?since=1&wait=30s");
    rollouts.change({ phase: { kind: "measuring", sinceMs: 2_000 } });
    expect((await waiting).json<RolloutJson>()).toMatchObject({ revision: 2, phase: "measuring" });
  });

  test("by its number also when the next has begun during the wait", async () => {
    const { start, get, rollouts } = scene();
    await start();
    const waiting = get("/v1/rollouts/shop?number=1&since=1&wait=30s");
    rollouts.end("promoted");
    await start("v3");
    expect((await waiting).json<RolloutJson>()).toMatchObject({ id: "shop-1", outcome: { kind: "promoted" } });
  });

  test.each(["/v1/rollouts?nmber=1", "/v1/rollouts/shop?sinc=1", "/v1/rollouts/shop?since=1&wait=soon"])(
    "not for a wrong query: %s",
    async (url) => {
      expect((await scene().get(url)).statusCode).toBe(400);
    },
  );
});

describe("an action", () => {
  test("is done to what was seen, and not to anything else", async () => {
    const { start, send } = scene();
    await start();
    const stale = await send("/v1/rollouts/shop/pause", { actor: "ann" }, { "if-match": '"7"' });
    expect([stale.statusCode, stale.json<object>()]).toMatchObject([412, { rollout: { revision: 1 } }]);
    const done = await send("/v1/rollouts/shop/pause", { actor: "ann" }, { "if-match": '"1"' });
    expect([done.statusCode, done.json<object>()]).toMatchObject([200, { phase: "paused", pausedBy: "person" }]);
  });

  test("says which rollout is meant, and of what else there is it is told whose", async () => {
    const { start, send, rollouts } = scene();
    await start();
    rollouts.end("promoted");
    await start("v3", {}, "ann");
    const unsaid = await send("/v1/rollouts/shop/pause", { actor: "ann" });
    expect([unsaid.statusCode, unsaid.json<object>()]).toMatchObject([
      428,
      {
        detail: expect.stringContaining('the newest has number 2, target "v3", revision "3"') as unknown,
        rollout: { id: "shop-2" },
      },
    ]);
    for (const [meant, what] of [
      [{ number: 1 }, "shop-1"],
      [{ target: "v2" }, "a rollout of v2"],
    ] as const) {
      const other = await send("/v1/rollouts/shop/abort", meant);
      expect([other.statusCode, other.json<object>()]).toMatchObject([
        412,
        { detail: `shop-2 is on: v3, started by ann, and it is not ${what}`, rollout: { id: "shop-2" } },
      ]);
    }
    expect(rollouts.rollouts()[0]?.record.outcome).toBeUndefined();
    expect((await send("/v1/rollouts/shop/pause", {}, { "if-match": "*" })).statusCode).toBe(200);
    expect((await send("/v1/rollouts/shop/abort", { number: 2, target: "v3" })).statusCode).toBe(200);
    const over = await send("/v1/rollouts/shop/abort", { target: "v2" });
    expect(over.json<{ detail: string }>().detail).toBe(
      "the newest is shop-2: v3, started by ann, aborted; it is not a rollout of v2",
    );
  });

  test("that is too late is refused, with the rollout as it is", async () => {
    const { start, send, rollouts } = scene();
    await start();
    rollouts.end("promoted");
    const late = await send("/v1/rollouts/shop/abort", { number: 1 });
    expect([late.statusCode, late.json<object>()]).toMatchObject([
      409,
      { detail: "it is over", rollout: { phase: "done" } },
    ]);
  });

  test("that there is not is told with those that there are; full is of promote alone", async () => {
    const { start, send } = scene();
    await start();
    expect((await send("/v1/rollouts/shop/explode", {})).json<{ detail: string }>().detail).toContain("promote, abort");
    expect((await send("/v1/rollouts/shop/pause", { full: true })).statusCode).toBe(400);
    expect((await send("/v1/rollouts/shop/promote", { full: true, number: 1 })).statusCode).toBe(200);
  });
});
