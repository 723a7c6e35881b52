/**
 * What a config wants an Envoy to be started with: what no resource can say, because it belongs to the process.
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

/** What an Envoy of a group needs. */
export interface WantedStart {
  readonly group: string;
  /** Of its command line. */
  readonly flags: readonly string[];
  /** A runtime layer in its bootstrap. */
  readonly runtime: boolean;
}

/** For an Envoy with this `node` in its bootstrap; an error says what is wrong with the config or the node. */
export async function wantedStart(
  roots: readonly string[],
  node: JsonValue | undefined,
): Promise<Result<WantedStart, string>> {
  const { intent, snapshots, diagnostics } = await loadConfig(roots, loadEnvoyApi());
  if (intent === undefined || snapshots === undefined) return err(drawDiagnostics(diagnostics, { colour: false }));
  const chosen = chooseGroup({ node: JSON.stringify(node) }, intent.groups);
  if (!chosen.ok) return err(`error: ${chosen.error}`);
  const group = intent.groups.find(({ name }) => name === chosen.value);
  assert(group !== undefined, "a group was chosen from these");
  const drainMs = groupDrainMs(group, intent);
  const flags = drainMs === undefined ? [] : [`--drain-time-s ${drainMs / 1_000}`];
  return ok({ group: group.name, flags, runtime: group.runtime !== undefined });
}
