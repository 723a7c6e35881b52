/**
 * What the admin API says of load reports, and how it changes what nodes are asked for.
 */
import { describe, expect, test } from "vitest";
import { createAdminServer } from "../../../src/admin/admin-server.ts";
import { problemSchema } from "../../../src/admin/api-schema.ts";
import { loadSchema, loadSettingsSchema } from "../../../src/admin/load-schema.ts";
import { viewsOf } from "./example-views.ts";

function serverOf() {
  const { app } = createAdminServer({
    listen: { host: "127.0.0.1", port: 0 },
    version: "0.1.0",
    views: viewsOf(),
    onError: (error) => {
      throw error;
    },
  });
  return {
    get: (url: string) => app.inject({ url, headers: { host: "localhost" } }),
    put: (payload: object) =>
      app.inject({ method: "PUT", url: "/v1/load-settings", headers: { host: "localhost" }, payload }),
  };
}

const all = { interval: "10s", clusters: "all", endpoints: false };

describe("the load on clusters", () => {
  test("is shown with sums, rates, drops, localities and endpoints", async () => {
    const answer = await serverOf().get("/v1/load?limit=1");
    const counts = { successful: 190, failed: 10, issued: 200, inProgress: 2 };
    expect(loadSchema.parse(answer.json())).toEqual({
      nodes: 1,
      complete: true,
      clusters: [
        {
          cluster: "shop",
          ...counts,
          dropped: 10,
          droppedBy: { overload: 10 },
          perSecond: { successful: 19, failed: 1, issued: 20, dropped: 1 },
          localities: [{ region: "eu", zone: "eu-1", subZone: "", priority: 0, ...counts }],
          endpoints: { "10.0.0.1:80": counts },
          lastReport: "1970-01-01T00:00:20.000Z",
        },
      ],
      next: "shop",
    });
  });

  test("is shown of one node, and not of one that reports nothing", async () => {
    const { get } = serverOf();
    const { clusters } = loadSchema.parse((await get("/v1/load?node=done&cluster=zz")).json());
    expect(clusters).toMatchObject([{ cluster: "zz", issued: 200, perSecond: { issued: 20 } }]);
    expect((await get("/v1/load?node=slow")).statusCode).toBe(404);
  });
});

describe("what nodes are asked for", () => {
  test("is shown, can be changed, and is what it was changed to", async () => {
    const { get, put } = serverOf();
    expect((await get("/v1/load-settings")).json()).toEqual(all);
    const wanted = { interval: "1.5s", clusters: ["shop"], endpoints: true };
    const answer = await put(wanted);
    expect([answer.statusCode, answer.json()]).toEqual([200, wanted]);
    expect(loadSettingsSchema.parse((await get("/v1/load-settings")).json())).toEqual(wanted);
  });

  test.each([
    ["an interval below a second", { ...all, interval: "500ms" }, "interval: write 1s to 1h"],
    ["an interval above an hour", { ...all, interval: "61m" }, "interval: write 1s to 1h"],
    ["an interval that is no duration", { ...all, interval: "fast" }, "interval: write a duration such as 10s or 1m"],
    ["a missing key", { interval: "10s", clusters: "all" }, "endpoints"],
    ["an unknown key", { ...all, nodes: 3 }, "nodes"],
    ["a word for the clusters that there is not", { ...all, clusters: "some" }, "clusters"],
  ])("is not changed by %s", async (_title, wanted, words) => {
    const { get, put } = serverOf();
    const answer = await put(wanted);
    expect(answer.statusCode).toBe(400);
    expect(problemSchema.parse(answer.json()).detail).toContain(words);
    expect((await get("/v1/load-settings")).json()).toEqual(all);
  });
});
