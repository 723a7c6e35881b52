/**
 * Invariant 3: no mass removal by accident.
 *
 * A change that removes more than 20 % and at least 3 of a type, or all of it, waits until somebody confirms
 * it, also over a restart. What one change replaces is no removal, and everything else goes through at once.
 */
import { describe, expect, test } from "vitest";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { throughout } from "../support/eventually.ts";
import { configOf, RunningPlane } from "./running-plane.ts";

const services = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, "127.0.0.1:1"]));
const config = (names: string) =>
  configOf(services(names.split("")), "nodes: { default: { updates: { grace: 0s, deadline: 1s } } }");
const ten = "abcdefghij";

async function startedWith(text: string): Promise<RunningPlane> {
  const running = await RunningPlane.start({ files: { "main.yaml": text } });
  await running.newVersion();
  return running;
}

describe("a change that removes", () => {
  test.each([
    ["3 of 10", ten, "abcdefg", "held"],
    ["2 of 10", ten, "abcdefgh", "accepted"],
    ["2 of 4", "abcd", "ab", "accepted"],
    ["9 of 10 and adds as many", ten, "aklmpqrstu", "accepted"],
    ["all of 10 and adds as many", ten, "klmopqrstu", "accepted"],
  ])("%s is %s → %s: %s", async (_, before, after, fate) => {
    await using running = await startedWith(config(before));
    await running.save(config(after));
    if (fate === "held") await running.event("config-held");
    else await running.event("config-accepted", 1);
    expect(running.plane.publication.held.size).toBe(fate === "held" ? 1 : 0);
  });

  test("the last of a type is held, even a single one", async () => {
    await using running = await startedWith(config("a"));
    await running.save("nodes: { default: { updates: { grace: 0s } } }");
    const { findings } = await running.event("config-held");
    expect(findings.map(({ typeUrl }) => typeUrl)).toContain(typeUrls.cluster);
  });

  test("the last host of the last service is held: a service without hosts serves nobody", async () => {
    await using running = await startedWith(config("a"));
    await running.save(config("a").replace(`["127.0.0.1:1"]`, "[]"));
    const { findings } = await running.event("config-held");
    expect(findings).toMatchObject([{ typeUrl: typeUrls.endpoints, names: ["a"] }]);
  });
});

describe("while a removal is held", () => {
  test("nodes keep everything, also after a restart, until it is confirmed by its version", async () => {
    const first = await startedWith(config(ten));
    const all = first.plane.publication.served.get("default" as never)?.version;
    await first.save(config("ab"));
    await first.event("config-held");
    await using running = await first.restart();

    const { snapshotVersion } = await running.event("config-held");
    using client = running.connect({ acknowledges: true, follows: true }).ask(typeUrls.cluster).ask(typeUrls.listener);
    await client.has(typeUrls.cluster, ...ten.split(""));
    await throughout("all are kept", () => client.names(typeUrls.cluster).length === 10, 100);
    expect(running.version()).toBe(all);

    const confirm = (version: string) =>
      running.ask(`/v1/snapshots/${version}/confirm`, { method: "POST", headers: { "if-match": `"${version}"` } });
    expect(await confirm("0000000000000000")).toMatchObject({ status: 412 });
    expect(running.version()).toBe(all);
    expect(await confirm(snapshotVersion)).toMatchObject({ status: 200 });
    await client.has(typeUrls.cluster, "a", "b");
  });

  test("the files may take it back", async () => {
    await using running = await startedWith(config(ten));
    const all = running.version();
    await running.save(config("ab"));
    await running.event("config-held");
    await running.save(config(ten));
    await running.event("config-hold-withdrawn");
    expect([running.version(), running.plane.publication.held.size]).toEqual([all, 0]);
  });
});
