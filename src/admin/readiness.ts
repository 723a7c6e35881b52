/**
 * When Fairway is ready, and what is not as it should be although it is.
 *
 * Ready means that every group has a valid snapshot. A refused config, a held change and a start from the
 * last known good leave it ready: what is served is valid, and taking the server out of rotation would
 * only keep Envoys from it.
 */
import { describeUnfinishedPush } from "../config/etcd-documents.ts";
import { isOnlyAway } from "../model/diagnostic.ts";
import { describeNewer } from "../store/schema-guard.ts";
import type { EtcdContacts } from "../telemetry/etcd-contacts.ts";
import type { GroupView, Readiness, RefusedConfig } from "./admin-views.ts";

/** The verdict over all groups; no groups means that no config was accepted yet. */
export function readiness(
  groups: readonly GroupView[],
  refused: RefusedConfig | undefined,
  etcd?: Pick<EtcdContacts, "behind" | "newer" | "unfinishedPush">,
): Readiness {
  const missing = groups.filter((group) => group.current === undefined).map((group) => group.name);
  const reasons: string[] = [];
  if (groups.length === 0) reasons.push("no config has been accepted yet");
  if (missing.length > 0) reasons.push(`no valid snapshot yet for ${listed(missing)}`);
  const fromDisk = groups.filter(({ current, source }) => current !== undefined && source === "last-known-good");
  if (fromDisk.length > 0) reasons.push(`serving last known good to ${listed(fromDisk.map((group) => group.name))}`);
  if (refused !== undefined) reasons.push(refusedReason(refused));
  const etcdBehind = etcd?.behind() ?? [];
  const [behind] = etcdBehind;
  if (behind !== undefined) {
    const since = new Date(Math.min(...etcdBehind.map(({ sinceMs }) => sinceMs))).toISOString();
    const prefixes = listed(etcdBehind.map(({ prefix }) => prefix));
    reasons.push(`what is in etcd may be behind since ${since} (${prefixes}): ${behind.reason}`);
  }
  const push = etcd?.unfinishedPush();
  if (push !== undefined) reasons.push(describeUnfinishedPush(push));
  const newer = etcd?.newer();
  if (newer !== undefined) reasons.push(describeNewer(newer));
  for (const { name, held } of groups.slice(0, NAMES_MAX)) {
    if (held === undefined) continue;
    reasons.push(`${name}: ${held.snapshot.version} is held until it is confirmed: fairway confirm`);
  }
  return { ready: groups.length > 0 && missing.length === 0, reasons };
}

/** A probe's answer is read by people in a hurry. */
const NAMES_MAX = 10;

function refusedReason({ sinceMs, diagnostics }: RefusedConfig): string {
  const waits = isOnlyAway(diagnostics);
  const since = `config ${waits ? "waits for etcd" : "refused"} since ${new Date(sinceMs).toISOString()}`;
  const [first] = diagnostics;
  if (first === undefined) return since;
  const hint = waits && first.hint !== undefined ? `: ${first.hint}` : "";
  return `${since}: ${first.at.file}:${first.at.line}:${first.at.column}: ${first.message}${hint}`;
}

function listed(names: readonly string[]): string {
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : "";
  return `${names.slice(0, NAMES_MAX).join(", ")}${more}`;
}
