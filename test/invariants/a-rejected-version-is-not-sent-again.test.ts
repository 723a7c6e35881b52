/**
 * Invariant 7: a rejected version is not sent again to that node.
 *
 * Not on this stream and not on the next, whatever else changes; the rejection names the file and line that
 * caused it; everything that was not rejected keeps moving, and so do all other nodes.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { eventually, throughout } from "../support/eventually.ts";
import { RunningPlane } from "./running-plane.ts";
import type { XdsClient } from "./xds-client.ts";

const config = (badMs: number, otherMs: number) => `services:
  other: { endpoints: ["127.0.0.1:1"], connectTimeout: ${otherMs}ms }
  bad: { endpoints: ["127.0.0.1:2"], connectTimeout: ${badMs}ms }
nodes: { default: { updates: { deadline: 1s } } }
`;
const words = "Error adding/updating cluster(s) bad: it does not please";

let running: RunningPlane;

beforeEach(async () => {
  running = await RunningPlane.start({ files: { "main.yaml": config(1_000, 1_000) } });
  await running.newVersion();
});

afterEach(() => running[Symbol.asyncDispose]());

/** A node that has everything, gets a changed `bad` and rejects it. */
async function rejecting(variant: "delta" | "sotw"): Promise<XdsClient> {
  const client = running.connect({ variant, follows: true, acknowledges: true }).ask(typeUrls.cluster);
  await client.has(typeUrls.cluster, "other", "bad");
  client.withholds = true;
  await running.save(config(2_000, 1_000));
  const rejected = await client.response(typeUrls.cluster, 1);
  client.reject(rejected, words);
  client.withholds = false;
  return client;
}

/** The content of a cluster in every response from the one with this index on, as text. */
function sent(client: XdsClient, name: string, from = 0): readonly string[] {
  return client
    .of(typeUrls.cluster)
    .slice(from)
    .flatMap(({ resources }) => resources.get(name) ?? [])
    .map(({ bytes }) => Buffer.from(bytes).toString("base64"));
}

describe.each(["delta", "sotw"] as const)("%s: a cluster that the node rejected", (variant) => {
  test("is not sent again on this stream nor the next, while the rest of the config keeps moving", async () => {
    const client = await rejecting(variant);
    const [good, refused] = sent(client, "bad");
    await throughout(
      "at most the last good one follows",
      () => sent(client, "bad", 2).every((each) => each === good),
      100,
    );

    const newOther = (of: XdsClient) => sent(of, "other").some((each) => each !== sent(client, "other")[0]);
    await running.save(config(2_000, 3_000));
    await eventually("the other's change", () => newOther(client));
    expect(sent(client, "bad", 2)).not.toContain(refused);
    client.close();

    const { holds, versions } = client;
    using again = running.connect({ variant, holds, versions, follows: true, acknowledges: true });
    again.ask(typeUrls.cluster);
    await running.save(config(2_000, 4_000));
    await eventually("the other's change", () => newOther(again));
    await throughout("it is not repeated", () => !sent(again, "bad").includes(refused ?? ""), 100);

    await running.save(config(5_000, 4_000));
    await eventually("the cure", () => sent(again, "bad").some((each) => each !== good && each !== refused));
  });

  test("is told of with its file and line, in the event and in the API", async () => {
    using client = await rejecting(variant);
    const { resources, message } = await running.event("rejected");
    expect(message).toBe(words);
    expect(resources).toMatchObject([{ name: "bad", at: { file: expect.stringMatching(/main\.yaml$/), line: 3 } }]);
    const node = await running.ask("/v1/nodes/node-1");
    expect(node.json).toMatchObject({ status: "error" });
    expect(node.text).toContain(`main.yaml","line":3`);
    expect(client.failure).toBeUndefined();
  });

  test("is sent to every other node", async () => {
    using client = await rejecting(variant);
    await running.event("rejected");
    using other = running.connect({ variant, nodeId: "node-2", acknowledges: true }).ask(typeUrls.cluster);
    await other.has(typeUrls.cluster, "other", "bad");
    expect(sent(other, "bad")).toEqual([sent(client, "bad")[1]]);
  });
});
