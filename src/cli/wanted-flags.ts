/**
 * What a config wants an Envoy's command line to say: what no resource can, because it belongs to the process.
 */
import type { JsonValue } from "../model/intent.ts";
import { drawDiagnostics } from "../model/draw-diagnostic.ts";
import { groupDrainMs } from "../snapshot/update-policy.ts";
import { assert } from "../support/assert.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { chooseGroup } from "./choose-group.ts";
import { loadEnvoyApi } from "./envoy-api-file.ts";
import { loadConfig } from "./load-config.ts";

/** The flags for an Envoy with this `node` in its bootstrap; an error says what is wrong with the config or the node. */
export async function wantedFlags(
  roots: readonly string[],
  node: JsonValue | undefined,
): Promise<Result<readonly string[], string>> {
  const { intent, snapshots, diagnostics } = await loadConfig(roots, loadEnvoyApi());
  if (intent === undefined || snapshots === undefined) return err(drawDiagnostics(diagnostics, { colour: false }));
  const chosen = chooseGroup({ node: JSON.stringify(node) }, intent.groups);
  if (!chosen.ok) return err(`error: ${chosen.error}`);
  const group = intent.groups.find(({ name }) => name === chosen.value);
  assert(group !== undefined, "a group was chosen from these");
  const drainMs = groupDrainMs(group, intent);
  return ok(drainMs === undefined ? [] : [`--drain-time-s ${drainMs / 1_000}`]);
}
