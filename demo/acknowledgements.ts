/**
 * When each Envoy has acknowledged what a saved file asks for, as the control plane's admin API tells it.
 */
import type { NodeJson } from "../src/admin/api-schema.ts";
import type { Fairway } from "./kit/fairway.ts";
import { waitUntil } from "./kit/wait-until.ts";

/** Milliseconds from the save to the acknowledgement, by node id. */
export type AckTimes = ReadonlyMap<string, number>;

/** How long an Envoy may take; a healthy one needs milliseconds. */
const ACK_TIMEOUT_MS = 15_000;
/** The times are as exact as this is short. */
const LOOK_EVERY_MS = 2;

/** The snapshot that each node is to have now. */
export async function wantedVersions(fairway: Fairway): Promise<ReadonlyMap<string, string | undefined>> {
  return new Map((await nodes(fairway)).map((node) => [node.id, node.wanted]));
}

/** Waits until every node was asked to have something new since `before`, and has acknowledged it. */
export async function acknowledgements(
  fairway: Fairway,
  before: ReadonlyMap<string, string | undefined>,
  savedAtMs: number,
): Promise<AckTimes> {
  const times = new Map<string, number>();
  await waitUntil(
    async () => {
      const seen = await nodes(fairway);
      for (const { id, wanted, acknowledged } of seen) {
        if (times.has(id) || wanted === before.get(id) || wanted !== acknowledged) continue;
        times.set(id, performance.now() - savedAtMs);
      }
      return [...before.keys()].every((id) => times.has(id));
    },
    { what: "the acknowledgement of every Envoy", timeoutMs: ACK_TIMEOUT_MS, everyMs: LOOK_EVERY_MS },
  );
  return times;
}

async function nodes(fairway: Fairway): Promise<readonly NodeJson[]> {
  return (await fairway.get<{ readonly nodes: readonly NodeJson[] }>("/v1/nodes")).nodes;
}
