/**
 * Which versions of the config were served when a rollout began and when it ended: what its report compares.
 */
import type { RolloutRecord } from "./rollout-record.ts";
import { isActive } from "./rollout-record.ts";

/** By node group. */
export type ConfigVersions = Readonly<Record<string, string>>;

/** A split that more groups share is followed in the first of them. */
export const GROUPS_MAX = 20;

/** Those of a split's groups, as far as anything is served to them. */
export function versionsOf(
  groups: readonly string[],
  versionOf: (group: string) => string | undefined,
): ConfigVersions {
  return Object.fromEntries(
    groups.slice(0, GROUPS_MAX).flatMap((group) => {
      const version = versionOf(group);
      return version === undefined ? [] : [[group, version]];
    }),
  );
}

/** With the versions that are served now, when it has just ended. */
export function withVersionsAtEnd(
  before: RolloutRecord,
  record: RolloutRecord,
  versions: (groups: readonly string[]) => ConfigVersions,
): RolloutRecord {
  if (!isActive(before) || isActive(record) || record.versionsBefore === undefined) return record;
  return { ...record, versionsAfter: versions(Object.keys(record.versionsBefore)) };
}
