/**
 * Invariant 6: one unacknowledged response per stream and type, the newest wanted state behind it.
 *
 * A node that does not answer costs one response per type, however much changes meanwhile, and then gets the
 * newest state only. Nonces never repeat in a stream; what a node may send is bounded in names and bytes.
 */
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { throughout } from "../support/eventually.ts";
import { RunningPlane } from "./running-plane.ts";

const config = (timeoutMs: number) => `services: { a: { endpoints: ["127.0.0.1:1"], connectTimeout: ${timeoutMs}ms } }`;

let running: RunningPlane;
let timeoutMs = 1_000;

beforeAll(async () => {
  running = await RunningPlane.start({ files: { "main.yaml": config(timeoutMs) } });
  await running.newVersion();
});

afterAll(() => running[Symbol.asyncDispose]());

/** Changes the cluster; resolves when nodes have been offered it. */
async function change(): Promise<void> {
  const before = running.version();
  timeoutMs += 1;
  await running.save(config(timeoutMs));
  await running.newVersion(before);
}

describe.each(["delta", "sotw"] as const)("%s", (variant) => {
  test("a node that does not answer is sent one response, then the newest state and nothing in between", async () => {
    using client = running.connect({ variant }).ask(typeUrls.cluster);
    const first = await client.response(typeUrls.cluster);
    for (let count = 0; count < 4; count += 1) await change();
    await throughout("one response", () => client.of(typeUrls.cluster).length === 1, 100);

    client.acknowledge(first);
    const second = await client.response(typeUrls.cluster, 1);
    expect(second.version).toBe(
      running.plane.publication.served.get("default" as never)?.tables.get(typeUrls.cluster)?.version,
    );
    client.acknowledge(second);
    await throughout("two responses", () => client.of(typeUrls.cluster).length === 2, 50);
  });

  test("a type that is not answered holds up no other type that is independent of it", async () => {
    using client = running.connect({ variant }).ask(typeUrls.cluster);
    await client.response(typeUrls.cluster);
    client.ask(typeUrls.endpoints, "a");
    expect([...(await client.response(typeUrls.endpoints)).resources.keys()]).toEqual(["a"]);
  });

  test("nonces are never empty and never repeat in a stream, and an old one answers nothing", async () => {
    using client = running.connect({ variant, follows: true, acknowledges: true }).ask(typeUrls.cluster);
    const first = await client.response(typeUrls.cluster);
    for (let count = 1; count < 4; count += 1) {
      await change();
      await client.response(typeUrls.cluster, count);
    }
    const nonces = client.responses.map(({ nonce }) => nonce);
    expect(new Set(nonces).size).toBe(nonces.length);
    expect(nonces).not.toContain("");

    client.withholds = true;
    await change();
    await client.response(typeUrls.cluster, 4);
    await change();
    client.acknowledge(first);
    await throughout("the stale answer releases nothing", () => client.of(typeUrls.cluster).length === 5, 100);
  });
});

describe("a node may send", () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`);
  const request = (count: number) => ({
    typeUrl: typeUrls.endpoints,
    resourceNames: names(count),
    resourceNamesSubscribe: names(count),
  });

  test.each(["delta", "sotw"] as const)("100,000 names in one request and not one more (%s)", async (variant) => {
    using most = running.connect({ variant });
    most.send(request(100_000));
    await most.response(typeUrls.endpoints);
    using client = running.connect({ variant });
    client.send(request(100_001));
    expect(await client.ended()).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(client.responses).toEqual([]);
  });

  test("100,000 held versions in delta and not one more", async () => {
    const held = (count: number) => Object.fromEntries(names(count).map((name) => [name, "0123456789abcdef"]));
    using most = running.connect();
    most.send({ typeUrl: typeUrls.cluster, initialResourceVersions: held(100_000) });
    await most.response(typeUrls.cluster);
    using client = running.connect();
    client.send({ typeUrl: typeUrls.cluster, initialResourceVersions: held(100_001) });
    expect(await client.ended()).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  test("a message of less than 32 MiB and none above", async () => {
    const refusal = (mebibytes: number) => ({
      typeUrl: typeUrls.cluster,
      errorDetail: { code: 1, message: "x".repeat(mebibytes * 1024 * 1024), details: [] },
    });
    using most = running.connect();
    most.send(refusal(31));
    await most.response(typeUrls.cluster);
    using client = running.connect();
    client.send(refusal(33));
    expect(await client.ended()).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });
});
