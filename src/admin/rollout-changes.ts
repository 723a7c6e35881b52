/**
 * Compares the config that was served when a rollout began with that of its end, or of now, from the snapshots that are
 * still known.
 *
 * Contents are rendered a few at a time, so that other work has its turn; of very much only names and versions are
 * compared.
 */
import type { JsonValue } from "../model/intent.ts";
import { GROUPS_MAX } from "../rollout/config-versions.ts";
import { actorOf } from "../rollout/follow-weights.ts";
import type { ChangeBounds, ChangedGroup, Meanwhile, OwnWeights, ReportChanges } from "../rollout/report-changes.ts";
import { changedGroup } from "../rollout/report-changes.ts";
import type { RolloutRecord } from "../rollout/rollout-record.ts";
import type { SplitStanding } from "../rollout/split-standing.ts";
import type { Contents } from "../snapshot/plan.ts";
import { planGroup, wantedContents } from "../snapshot/plan.ts";
import type { Resource } from "../snapshot/resource.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { clusterName, fallbackClusterName } from "../translate/names.ts";
import type { AdminViews, GroupView } from "./admin-views.ts";
import { isoTime } from "./iso-time.ts";

type Views = Pick<AdminViews, "groups" | "snapshots" | "renderResource" | "splits">;

/** Of a type, as many as are looked into. */
const CONTENTS_MAX = 200;
/** Of encoded resources on each side; beyond that no fields are told. */
const BYTES_MAX = 4 * 1024 * 1024;
/** How many resources are rendered before other work has its turn. */
const RENDERED_AT_ONCE_MAX = 20;

/** What a cause is called that is a change of weights, which is told with who has done it. */
const weightsCause = /^the weights of /;

/** Undefined when it is not known which versions there were. */
export async function rolloutChanges(
  record: RolloutRecord,
  views: Views,
  bounds: ChangeBounds,
): Promise<ReportChanges | undefined> {
  const { versionsBefore, versionsAfter, outcome } = record;
  if (versionsBefore === undefined) return undefined;
  const isOver = outcome !== undefined;
  if (isOver && versionsAfter === undefined) return undefined;
  const groups = views.groups("local");
  const splits = views.splits();
  const own = ownWeights(record, splits);
  const changed: ChangedGroup[] = [];
  for (const [group, from] of Object.entries(versionsBefore).toSorted(byName).slice(0, GROUPS_MAX)) {
    const to = isOver ? versionsAfter?.[group] : groups.find(({ name }) => name === group)?.current?.version;
    changed.push(await compareGroup(views, { group, from, to }, { own, bounds }));
  }
  const all = [...otherSplits(record, splits), ...otherCauses(record, groups)].toSorted(byTime);
  const meanwhile = all.slice(-bounds.meanwhileMax);
  return {
    until: isOver ? "end" : "now",
    groups: changed,
    meanwhile,
    meanwhileLeftOut: all.length - meanwhile.length,
  };
}

interface Versions {
  readonly group: string;
  readonly from: string;
  readonly to: string | undefined;
}

async function compareGroup(
  views: Views,
  { group, from, to }: Versions,
  how: { readonly own: OwnWeights; readonly bounds: ChangeBounds },
): Promise<ChangedGroup> {
  const nothing = { group, from, to, weightsOnlyCount: 0, changes: [], changesLeftOut: 0 };
  if (to === from) return nothing;
  if (to === undefined) return { ...nothing, unknown: "nothing is served to it any more" };
  const [before, after] = [await snapshotOf(views, group, from), await snapshotOf(views, group, to)];
  if (before === undefined || after === undefined) {
    const gone = [before === undefined ? from : undefined, after === undefined ? to : undefined];
    const names = gone.filter((version) => version !== undefined).join(" and ");
    return { ...nothing, unknown: `the history of snapshots no longer has ${names}, so what differs is not known` };
  }
  const wanted = wantedContents(before, after, CONTENTS_MAX);
  const plan = planGroup({
    before,
    after,
    contentBefore: await contentsOf(before, wanted, views),
    contentAfter: await contentsOf(after, wanted, views),
    guard: { mode: "off" },
    contentsMax: CONTENTS_MAX,
  });
  return changedGroup(plan, { from, to }, how);
}

/** The one of the group, where several groups have that version. */
async function snapshotOf(views: Views, group: string, version: string): Promise<Snapshot | undefined> {
  const found = await views.snapshots(version);
  return found.find((snapshot) => snapshot.group === group) ?? found[0];
}

/** What is wanted is rendered beforehand; the little that is asked for beside it when it is. */
async function contentsOf(
  { tables }: Snapshot,
  wanted: ReturnType<typeof wantedContents>,
  { renderResource }: Views,
): Promise<Contents> {
  const rendered = new Map<Resource, JsonValue>();
  let bytes = 0;
  const contents: Contents = (typeUrl, name) => {
    const resource = tables.get(typeUrl)?.resources.get(name);
    if (resource === undefined || rendered.has(resource)) return resource && rendered.get(resource);
    bytes += resource.body.byteLength;
    if (bytes > BYTES_MAX) return undefined;
    const json = renderResource(resource) as JsonValue;
    rendered.set(resource, json);
    return json;
  };
  for (const { typeUrl, names } of wanted) {
    for (const name of names) {
      contents(typeUrl, name);
      if (rendered.size % RENDERED_AT_ONCE_MAX === 0) await otherWork();
    }
  }
  return contents;
}

function ownWeights({ plan }: RolloutRecord, splits: readonly SplitStanding[]): OwnWeights {
  const backends = splits.find(({ split }) => split.name === plan.split)?.split.backends ?? [];
  const clusters = backends.flatMap(({ service, subset }) => [
    clusterName(service, subset),
    ...(subset === undefined ? [] : [fallbackClusterName(service, subset)]),
  ]);
  return { split: plan.split, clusters: new Set(clusters) };
}

/** Weights that were set by anything but this rollout, of this split or another. */
function otherSplits(record: RolloutRecord, splits: readonly SplitStanding[]): readonly Meanwhile[] {
  return splits.flatMap(({ split: { name }, document: { history } }) =>
    history
      .filter(
        ({ atMs, actor }) => isMeanwhile(record, atMs) && !(name === record.plan.split && actor === actorOf(record)),
      )
      .map(({ atMs, before, after, actor, reason }) => {
        const moved = Object.entries(after).flatMap(([backend, share]) =>
          before[backend] === share ? [] : `${backend} ${(before[backend] ?? 0) / 100} → ${share / 100} %`,
        );
        const weights = moved.length === 0 ? "as before" : moved.join(", ");
        return {
          at: isoTime(atMs),
          what: `split ${name}: ${weights}, by ${actor}${reason === undefined ? "" : `: ${reason}`}`,
        };
      }),
  );
}

/** What was pushed, once for all groups that it changed. */
function otherCauses(record: RolloutRecord, groups: readonly GroupView[]): readonly Meanwhile[] {
  const found = new Map<string, Meanwhile>();
  for (const { name, history } of groups) {
    if (record.versionsBefore?.[name] === undefined) continue;
    for (const { cause } of history) {
      if (!isMeanwhile(record, cause.atMs) || weightsCause.test(cause.text)) continue;
      const at = isoTime(cause.atMs);
      found.set(`${at} ${cause.text}`, { at, what: `config: ${cause.text}` });
    }
  }
  return [...found.values()];
}

function isMeanwhile({ startedAtMs, outcome }: RolloutRecord, atMs: number): boolean {
  return atMs >= startedAtMs && atMs <= (outcome?.atMs ?? Infinity);
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}

function byTime(a: Meanwhile, b: Meanwhile): number {
  return a.at < b.at ? -1 : a.at > b.at ? 1 : 0;
}

function otherWork(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
