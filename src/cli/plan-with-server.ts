/**
 * What a plan is compared with when a server runs: what it serves, less what only it can know.
 *
 * The instances that register in etcd the secrets in etcd and the variables of its environment are the server's own. A build without them
 * differs there from what the server would build, so these resources are taken as the server has them, and it is told
 * that they were not compared: a plan must not show as removed what nobody removes.
 */
import type { Intent } from "../model/intent.ts";
import type { KnownSnapshot } from "../snapshot/known-snapshot.ts";
import { planGroup, wantedContents } from "../snapshot/plan.ts";
import type { Contents } from "../snapshot/plan.ts";
import type { Resource } from "../snapshot/resource.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import { takeOver } from "../snapshot/take-over.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { FairwayError } from "../support/fairway-error.ts";
import { clusterName, mirrorClusterName } from "../translate/names.ts";
import type { LoadedConfig } from "./load-config.ts";
import type { EarlierGroup } from "./plan-report.ts";
import type { ServedGroup } from "./served-side.ts";
import { listServed, servedContents, servedNames, servedWarnings } from "./served-side.ts";
import { listed } from "./plan-words.ts";

/** What is asked of whom, for which build. */
export interface ServerComparison {
  readonly server: string;
  /** Only this group. */
  readonly group?: string | undefined;
  readonly config: LoadedConfig & { readonly intent: Intent };
  readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
  readonly contentsAfter: (snapshot: Snapshot) => Contents;
  readonly contentsMax: number;
}

/** The other side, and the snapshots as the server would have them. */
export interface ComparedServer {
  readonly earlier: ReadonlyMap<string, EarlierGroup>;
  readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
  readonly warnings: Awaited<ReturnType<typeof servedWarnings>>;
  readonly notes: readonly string[];
}

/** A version that goes while it is read is read anew; nobody changes a config that often. */
const TRIES_MAX = 3;

export async function compareWithServer(asked: ServerComparison): Promise<ComparedServer> {
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const compared = await compareOnce(asked);
    if (compared !== undefined) return compared;
  }
  throw new FairwayError("ADMIN_UNREACHABLE", `what ${asked.server} serves changes all the time; ask again`);
}

/** Undefined when what is served changed meanwhile. */
async function compareOnce(asked: ServerComparison): Promise<ComparedServer | undefined> {
  const { server, config } = asked;
  const { groups, refused } = await listServed(server);
  const earlier = new Map<string, EarlierGroup>();
  const snapshots = new Map(asked.snapshots);
  const untold = new Set<Resource>();
  for (const served of groups.filter(({ group }) => asked.group === undefined || group === asked.group)) {
    const group = await compareGroup(served, asked);
    if (group === undefined) return undefined;
    earlier.set(served.group, group.earlier);
    if (group.snapshot !== undefined) snapshots.set(group.snapshot.group, group.snapshot);
    for (const resource of group.taken) untold.add(resource);
  }
  const first = refused?.diagnostics.find(({ severity }) => severity === "error");
  const why = first === undefined ? "" : ` (${first.at.file}:${first.at.line}: ${first.message})`;
  return {
    earlier,
    snapshots,
    warnings: await servedWarnings(server),
    notes: [
      ...(refused === undefined
        ? []
        : [`the server refuses its config as it is now${why}; this is compared with what it serves`]),
      ...untoldNotes([...untold], config),
      ...elsewhereNotes([...earlier.values()], snapshots),
    ],
  };
}

interface ComparedGroup {
  readonly earlier: EarlierGroup;
  readonly snapshot: Snapshot | undefined;
  readonly taken: readonly Resource[];
}

async function compareGroup(served: ServedGroup, asked: ServerComparison): Promise<ComparedGroup | undefined> {
  const { server, contentsMax } = asked;
  const { current, convergence } = served;
  const nodesCount =
    convergence === undefined ? 0 : convergence.acknowledged + convergence.pending + convergence.rejected;
  const own = asked.snapshots.get(served.group as GroupName);
  const rest = { nodesCount, notes: groupNotes(served, own?.version) };
  const nothing: Contents = () => undefined;
  if (own === undefined || current === undefined || current.version === own.version) {
    const same = own !== undefined && current !== undefined ? own : undefined;
    return { earlier: { ...rest, snapshot: same, contents: nothing }, snapshot: own, taken: [] };
  }
  const known = await servedNames(server, current.version);
  if (known === undefined) return undefined;
  const first = takeOver(own, known, (resource) => isOfServer(resource, asked.config));
  const contents = await servedContents(server, known, wantedContents(known, first.snapshot, contentsMax));
  if (contents === undefined) return undefined;
  const second = withoutConcealed(first.snapshot, { known, contents }, asked);
  return {
    earlier: { ...rest, notes: groupNotes(served, second.snapshot.version), snapshot: known, contents },
    snapshot: second.snapshot,
    taken: [...first.taken, ...second.taken],
  };
}

/** Load assignments of services that register, and secrets of variables. */
function isOfServer({ typeUrl, name }: Resource, { intent, outside }: ServerComparison["config"]): boolean {
  if (typeUrl === typeUrls.secret) return outside.includes(name);
  return typeUrl === typeUrls.endpoints && registeredNames(intent).has(name);
}

function registeredNames(intent: Intent): ReadonlySet<string> {
  const known = namesOf.get(intent);
  if (known !== undefined) return known;
  const names = intent.services
    .filter(({ registry }) => registry !== undefined)
    .flatMap(({ name, subsets }) => [
      ...[undefined, ...subsets.map((subset) => subset.name)].flatMap((subset) => [
        clusterName(name, subset),
        mirrorClusterName(name, subset),
      ]),
    ]);
  const found = new Set(names);
  namesOf.set(intent, found);
  return found;
}

const namesOf = new WeakMap<Intent, ReadonlySet<string>>();

/** Lists of users and keys stand inside of filters: with some from variables, what differs in nothing else is theirs. */
function withoutConcealed(
  snapshot: Snapshot,
  { known, contents }: { readonly known: KnownSnapshot; readonly contents: Contents },
  { config, contentsAfter, contentsMax }: ServerComparison,
): ReturnType<typeof takeOver> {
  const delivered = new Set(config.intent.secrets.map(({ name }) => name));
  if (config.outside.every((name) => delivered.has(name))) return { snapshot, taken: [] };
  const { changes } = planGroup({
    before: known,
    after: snapshot,
    contentBefore: contents,
    contentAfter: contentsAfter(snapshot),
    guard: { mode: "off" },
    contentsMax,
  });
  const concealed = new Set(
    changes.filter(({ isConcealed }) => isConcealed).map(({ typeUrl, name }) => `${typeUrl} ${name}`),
  );
  return takeOver(snapshot, known, ({ typeUrl, name }) => concealed.has(`${typeUrl} ${name}`));
}

function groupNotes({ source, held, current }: ServedGroup, version: string | undefined): readonly string[] {
  return [
    ...(current === undefined ? ["nothing is served to it yet"] : []),
    ...(source === "last-known-good" ? ["it is served what an earlier run has served"] : []),
    ...(held === undefined
      ? []
      : held.version === version
        ? ["the server holds this very change already"]
        : [`the server holds another change (${held.version}) until it is confirmed or withdrawn`]),
  ];
}

function untoldNotes(taken: readonly Resource[], { outside, intent }: ServerComparison["config"]): readonly string[] {
  const groups = Map.groupBy(taken, ({ typeUrl }) =>
    typeUrl === typeUrls.endpoints ? "hosts" : typeUrl === typeUrls.secret ? "secrets" : "others",
  );
  const namesOfKind = (kind: "hosts" | "secrets" | "others") => [
    ...new Set((groups.get(kind) ?? []).map(({ name }) => name)),
  ];
  const [hosts, secrets, others] = [namesOfKind("hosts"), namesOfKind("secrets"), namesOfKind("others")];
  const inline = outside.filter((secret) => intent.secrets.every(({ name }) => name !== secret));
  return [
    ...(hosts.length === 0
      ? []
      : [`not compared: the endpoints of ${listed(hosts)}, which register in etcd and are the server's own`]),
    ...(secrets.length === 0
      ? []
      : [`not compared: ${listed(secrets)}, which the server takes from its environment or from etcd`]),
    ...(others.length === 0
      ? []
      : [
          `not compared: what is concealed in ${listed(others)}, because the server takes ${listed(inline)} from its environment or from etcd`,
        ]),
  ];
}

/** What a push has put into etcd is no part of a directory that is compared. */
function elsewhereNotes(
  earlier: readonly EarlierGroup[],
  snapshots: ReadonlyMap<GroupName, Snapshot>,
): readonly string[] {
  const isInEtcd = ({ at }: Pick<Resource, "at">) => at.file.startsWith("etcd:");
  const all = new Set([...snapshots.values()].flatMap(({ tables }) => [...tables.values()].flatMap(namesIn)));
  const gone = earlier.flatMap(({ snapshot }) =>
    [...(snapshot?.tables.values() ?? [])].flatMap(({ typeUrl, resources }) =>
      [...resources.values()].filter((resource) => isInEtcd(resource) && !all.has(`${typeUrl} ${resource.name}`)),
    ),
  );
  if (gone.length === 0) return [];
  return [
    `${gone.length} of the resources that go are defined in etcd: if the server reads etcd and directories, name both here (fairway pull writes what is in etcd)`,
  ];
}

function namesIn({
  typeUrl,
  resources,
}: Snapshot["tables"] extends ReadonlyMap<string, infer Table> ? Table : never): readonly string[] {
  return [...resources.keys()].map((name) => `${typeUrl} ${name}`);
}
