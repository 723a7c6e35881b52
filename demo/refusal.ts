/**
 * Whether the config as it is now is refused, and why, as the control plane's admin API tells it.
 */
import type { SnapshotListJson } from "../src/admin/api-schema.ts";
import type { Diagnostic } from "../src/model/diagnostic.ts";
import type { Fairway } from "./kit/fairway.ts";
import { waitUntil } from "./kit/wait-until.ts";

/** Waits until the config is refused; resolves with what is wrong with it. */
export async function untilRefused(fairway: Fairway): Promise<readonly Diagnostic[]> {
  const refused = await waitUntil(async () => (await snapshots(fairway)).refused, { what: "the refusal", everyMs: 2 });
  // The API writes diagnostics as they are.
  return refused.diagnostics as readonly Diagnostic[];
}

/** Waits until the config is taken again. */
export async function untilTaken(fairway: Fairway): Promise<void> {
  await waitUntil(async () => (await snapshots(fairway)).refused === undefined, {
    what: "the config to be taken",
    everyMs: 2,
  });
}

function snapshots(fairway: Fairway): Promise<SnapshotListJson> {
  return fairway.get<SnapshotListJson>("/v1/snapshots?history=0");
}
