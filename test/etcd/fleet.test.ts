/** The nodes of all replicas, as each of them shows them. */
import { expect, test } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { Replicas } from "./replicas.ts";

interface NodesView {
  readonly nodes: readonly {
    readonly id: string;
    readonly replica?: string;
    readonly connected: boolean;
    readonly status: string;
  }[];
}

interface ReplicasView {
  readonly replicas: readonly { readonly id: string; readonly isSelf: boolean; readonly admin: string }[];
}

interface EventsView {
  readonly events: readonly { readonly kind: string; readonly text: string }[];
}

interface ConvergenceView {
  readonly groups: readonly {
    readonly convergence?: { readonly acknowledged: number; readonly convergedAt?: string };
  }[];
}

test("any replica shows the nodes of all, and those of one that was killed go with its lease", async () => {
  await using replicas = await Replicas.start({ hasEnvoy: false });
  const [one, two] = [replicas.at(0).fairway, replicas.at(1).fairway];
  await using first = await Envoy.start({ xdsPort: one.xdsPort, nodeId: "on-one" });
  await using second = await Envoy.start({ xdsPort: two.xdsPort, nodeId: "on-two" });
  await Promise.all([first.ready(), second.ready()]);
  const nodes = async (fairway: typeof one, query = "") => (await fairway.get<NodesView>(`/v1/nodes${query}`)).nodes;
  await eventually("both nodes, synced, on both replicas", async () => {
    const views = await Promise.all([nodes(one), nodes(two)]);
    return views.every(
      (view) => view.length === 2 && view.every(({ status, connected }) => status === "synced" && connected),
    );
  });
  const [here, there] = await nodes(one);
  expect(here).toMatchObject({ id: "on-one" });
  expect(here?.replica).toBeUndefined();
  expect(there).toMatchObject({ id: "on-two", replica: expect.stringMatching(/./) });
  const { replicas: listed } = await two.get<ReplicasView>("/v1/replicas");
  expect(listed.filter(({ isSelf }) => !isSelf)).toHaveLength(1);
  const self = listed.find(({ isSelf }) => isSelf);
  expect(self).toMatchObject({ id: there?.replica, admin: `127.0.0.1:${two.adminPort}` });
  expect((await nodes(one, "?scope=local")).map(({ id }) => id)).toEqual(["on-one"]);
  const convergence = async (query: string) =>
    (await one.get<ConvergenceView>(`/v1/snapshots${query}`)).groups[0]?.convergence;
  expect(await convergence("")).toMatchObject({ acknowledged: 2, convergedAt: expect.stringMatching(/./) });
  expect(await convergence("?scope=local")).toMatchObject({ acknowledged: 1 });
  await two.kill("SIGKILL");
  await eventually("the end of its lease", async () => (await nodes(one)).length === 1, { timeoutMs: 30_000 });
  expect((await replicas.client.list("/fairway/fleet/")).entries.length).toBe(1);
  const told = async () => {
    const { events } = await one.get<EventsView>("/v1/events");
    return events.filter(({ text }) => text.includes(`the replica ${there?.replica} `)).map(({ kind }) => kind);
  };
  await eventually("its end to be told", async () => (await told()).length > 1, { timeoutMs: 30_000 });
  expect(await told()).toEqual(["replica-joined", "replica-left"]);
  expect((await one.get<ReplicasView>("/v1/replicas")).replicas.map(({ isSelf }) => isSelf)).toEqual([true]);
});

test("a replica that ends in order takes its nodes along at once, and one that was paused comes back with them", async () => {
  await using replicas = await Replicas.start({ hasEnvoy: false });
  const [one, two] = [replicas.at(0).fairway, replicas.at(1).fairway];
  const keys = async () => (await replicas.client.list("/fairway/fleet/")).entries.length;
  await eventually("both replicas", async () => (await keys()) === 2);
  process.kill(two.pid, "SIGSTOP");
  await eventually("the end of its lease", async () => (await keys()) === 1, { timeoutMs: 30_000 });
  process.kill(two.pid, "SIGCONT");
  await eventually("both replicas again", async () => (await keys()) === 2, { timeoutMs: 20_000 });
  await one.kill("SIGTERM");
  expect(await keys()).toBe(1);
});
