/**
 * An event as a sentence for people, with its weight: what the log and the timeline both say.
 */
import type { LoadEvent } from "../evidence/load-event.ts";
import type { TrafficEvent } from "../evidence/traffic-event.ts";
import type { Diagnostic, Place } from "../model/diagnostic.ts";
import type { TableDiff } from "../snapshot/diff.ts";
import type { Confirmation } from "../snapshot/confirmation.ts";
import type { RemovalFinding } from "../snapshot/removal-guard.ts";
import { resourceType, typeUrls } from "../snapshot/type-url.ts";
import { describeUnfinishedPush } from "../config/etcd-documents.ts";
import { describeNewer } from "../store/schema-guard.ts";
import { unreachable } from "../support/assert.ts";
import type { DoorEvent, RejectedResource, StreamEvent } from "../xds/stream-event.ts";
import { describeSplitChange } from "./describe-split-change.ts";
import type {
  BuildEvent,
  EtcdContactEvent,
  EtcdEvent,
  FairwayEvent,
  ServerEvent,
  SplitEvent,
  StateEvent,
} from "./event.ts";

export type EventLevel = "debug" | "info" | "warn" | "error";

/** A level and one line; `text` may hold words of others and is made printable by whoever prints it. */
export interface EventDescription {
  readonly level: EventLevel;
  readonly text: string;
}

/** The sentence of an event. */
export function describeEvent(event: FairwayEvent): EventDescription {
  if (event.kind === "rollout-changed") {
    return (event.isTrouble ? warn : info)(`rollout ${event.rollout}: ${event.text}`);
  }
  if (event.kind === "rollout-moved") {
    return debug(`rollout ${event.rollout} moved: ${event.moves.map(({ kind }) => kind).join(", ")}`);
  }
  if (event.kind === "rollout-failed") return debug(`rollout ${event.rollout} could not be moved on`);
  return "nodeId" in event ? describeOnStream(event) : describeOwn(event);
}

/** Said at level debug: what every stream does all the time. Cheaper to ask than the whole sentence. */
export function isRoutine(event: FairwayEvent): boolean {
  switch (event.kind) {
    case "subscribed":
    case "sent":
    case "acked":
    case "synced":
    case "rollout-moved":
    case "rollout-failed":
      return true;
    case "gate":
      return event.state !== "overdue";
    default:
      return false;
  }
}

/** `file:line:column`, as editors open it. */
export function placeText(at: Place): string {
  return `${at.file}:${at.line}:${at.column}`;
}

type LoadStreamEvent = Extract<LoadEvent, { readonly nodeId: string }>;

function describeOnStream(event: StreamEvent | LoadStreamEvent | TrafficEvent): EventDescription {
  switch (event.kind) {
    case "stream-opened":
      return info(`${event.nodeId} connected (${event.variant}, ${event.group ?? "no group"})`);
    case "stream-refused":
      // Of a server that starts this is the rule: the Envoy comes again, and nobody has to do anything.
      return (event.isTooEarly ? info : warn)(`${event.nodeId} from ${event.peer} refused: ${event.reason}`);
    case "stream-moved":
      return info(`${event.nodeId} moved to group ${event.group}`);
    case "stream-closed":
      return info(`${event.nodeId} disconnected: ${event.reason}`);
    case "subscribed":
      return debug(
        `${event.nodeId} subscribes to ${event.wildcard ? "all" : event.namesCount} ${short(event.typeUrl)}`,
      );
    case "sent":
      return debug(
        `${short(event.typeUrl)} ${event.versionInfo} to ${event.nodeId}: ${event.resourcesCount} resources, ${event.removedCount} removed`,
      );
    case "acked":
      return debug(
        `${event.nodeId} acknowledged ${short(event.typeUrl)} ${event.versionInfo} in ${event.roundTripMs.toFixed(0)} ms`,
      );
    case "rejected":
      return warn(
        `${event.nodeId} rejected ${short(event.typeUrl)} ${event.versionInfo}${culprits(event.resources)}: ${event.message}`,
      );
    case "rejection-narrowed":
      return warn(
        `${event.nodeId} accepted the other ${short(event.typeUrl)}, so what it rejected is${culprits(event.resources)}: ${event.message}`,
      );
    case "gate":
      return event.state === "overdue"
        ? warn(`${event.nodeId} is overdue for ${event.snapshotVersion}: waiting for ${event.waitingFor}`)
        : debug(`${event.nodeId} ${event.state === "waiting" ? "waits for" : "passed"} ${event.waitingFor}`);
    case "synced":
      return debug(`${event.nodeId} has ${event.snapshotVersion}`);
    case "load-stream-opened":
      return info(`${event.nodeId} reports its load`);
    case "load-stream-refused":
      return warn(`load reports of ${event.nodeId} from ${event.peer} refused: ${event.reason}`);
    case "load-stream-closed":
      return info(`${event.nodeId} reports its load no more: ${event.reason}`);
    case "traffic-report-refused":
      return warn(`reports of traffic of ${event.nodeId || "no node"} from ${event.peer} refused: ${event.reason}`);
    default:
      return unreachable(event);
  }
}

function describeOwn(
  event: BuildEvent | EtcdEvent | SplitEvent | StateEvent | ServerEvent | Exclude<LoadEvent, LoadStreamEvent>,
): EventDescription {
  switch (event.kind) {
    case "config-accepted":
      return info(`${event.group} is now ${event.snapshotVersion} (${event.cause}): ${changes(event.changes)}`);
    case "config-refused":
      return { level: "error", text: `config refused (${event.cause}): ${firstOf(event.diagnostics)}` };
    case "config-waiting":
      return warn(`config waits for etcd (${event.cause}): ${firstWithHint(event.diagnostics)}`);
    case "config-arrived":
      return info(`the config that was waited for is there, and is what is served already (${event.cause})`);
    case "config-mended":
      return info(`the config is good again (${event.cause})`);
    case "config-held": {
      const { serverFlag = "" } = event;
      return warn(
        `${event.group}: ${event.snapshotVersion} is held until confirmed, it would remove ${event.findings.map(finding).join(", ")}: ` +
          `look at it with fairway confirm${serverFlag}, release it with fairway confirm ${event.snapshotVersion}${serverFlag}`,
      );
    }
    case "config-confirmed":
      return info(`${event.group}: ${event.snapshotVersion} was confirmed by ${confirmedBy(event.by)}`);
    case "config-hold-withdrawn":
      return info(`${event.group}: ${event.snapshotVersion} is no longer asked for`);
    case "source-warning":
      return warn(`the config has warnings: ${firstOf(event.diagnostics)}`);
    case "split-changed":
      return info(describeSplitChange(event));
    case "etcd-contact":
    case "etcd-schema":
    case "etcd-push-unfinished":
    case "etcd-push-ended":
    case "replica-lagging":
    case "replica-caught-up":
    case "replica-joined":
    case "replica-left":
    case "instance-refused":
    case "instances-unnamed":
      return describeEtcd(event);
    case "lkg-promoted":
      return info(`${event.group}: ${event.snapshotVersion} is now the last known good`);
    case "lkg-loaded":
      return warn(
        `${event.group}: serving ${event.isNewest ? "what was served last," : "the last known good"} ` +
          `${event.snapshotVersion}: ${event.reason}`,
      );
    case "state-write-failed":
      return { level: "error", text: `the state could not be written: ${event.message}` };
    case "load-settings-changed":
      return info(
        `nodes are asked to report the load of ${event.clustersCount === "all" ? "all" : event.clustersCount} clusters ` +
          `every ${event.intervalMs / 1_000} s${event.endpoints ? ", by endpoint" : ""}`,
      );
    case "serving":
    case "streams-turned-away":
    case "handshakes-failed":
    case "xds-certificate-renewed":
    case "xds-certificate-kept":
    case "warning":
    case "stopping":
      return describeServer(event);
    default:
      return unreachable(event);
  }
}

function describeServer(event: ServerEvent): EventDescription {
  switch (event.kind) {
    case "serving":
      return info(
        `serving xDS on ${event.xdsAddress} (${event.xdsAsksFor.join(", ") || "plain text"}), ` +
          `admin on http://${event.adminAddress}, as process ${event.pid}`,
      );
    case "streams-turned-away":
      return warn(`${sumOf(event, "stream", ["was refused", "were refused"])}: ${event.reason}`);
    case "handshakes-failed":
      return warn(`${sumOf(event, "TLS connection", ["failed", "failed"])}: ${event.reason}`);
    case "xds-certificate-renewed": {
      const until = `a certificate valid until ${new Date(event.validUntilMs).toISOString()}`;
      return event.isValidNow
        ? info(`new connections to the xDS port get ${until}`)
        : warn(`new connections to the xDS port get ${until} and not valid now; Envoys will not connect`);
    }
    case "xds-certificate-kept":
      return warn(`the xDS port keeps the certificate it has: ${event.mistakes.join("; ")}`);
    case "warning": {
      const { text, suppressedCount = 0 } = event;
      return warn(suppressedCount === 0 ? text : `${text} (${suppressedCount} more warnings were held back)`);
    }
    case "stopping":
      return info(`stopping: ${event.reason}`);
    default:
      return unreachable(event);
  }
}

function describeEtcd(event: EtcdEvent): EventDescription {
  switch (event.kind) {
    case "etcd-contact":
      return contact(event);
    case "etcd-schema":
      return event.newer === undefined
        ? info("this Fairway may write to etcd again: its schema is no newer one any more")
        : warn(describeNewer(event.newer));
    case "etcd-push-unfinished":
      return warn(describeUnfinishedPush(event));
    case "etcd-push-ended":
      return info("no push to etcd is unfinished any more, and the config there is taken over again");
    case "replica-lagging":
      return warn(
        `${event.group}: this replica is behind, and Envoys that come are sent to the others: ${event.reason}`,
      );
    case "replica-joined":
      return info(`the replica ${event.replica} shares the etcd now`);
    case "replica-left":
      return warn(
        `the replica ${event.replica} is gone from etcd, and the nodes that it had with it, until they come here or to another`,
      );
    case "replica-caught-up":
      return info(`${event.group}: this replica is as new as the others again`);
    case "instance-refused":
      return warn(`etcd:${event.key}@${event.revision} is no instance and is left out: ${event.message}`);
    case "instances-unnamed": {
      const named = event.prefixes.slice(0, PREFIXES_NAMED_MAX);
      const rest = event.prefixes.length - named.length;
      const where = listOf(rest === 0 ? named : [...named, `${rest} more`]);
      return warn(`something registers below ${where}, which no service of the config names, so no Envoy is told`);
    }
    default:
      return unreachable(event);
  }
}

/** Of one line. */
const PREFIXES_NAMED_MAX = 5;

function contact(event: EtcdContactEvent): EventDescription {
  const what = listOf(event.prefixes.map((prefix) => affected[prefix] ?? `instances below ${prefix}`));
  switch (event.contact) {
    case "followed":
      return info(`etcd is followed: ${what}`);
    case "lost":
      return warn(`no contact with etcd, so this stays as it was last known: ${what}: ${event.reason}`);
    case "older":
      return warn(
        `etcd has an older state, and nothing is taken from it until Fairway is restarted: ${what}: ${event.reason}`,
      );
    case "other":
      return warn(
        `etcd is another cluster than before, and nothing is taken from it until Fairway is restarted: ${what}: ${event.reason}`,
      );
    case "back":
      return info(
        `etcd is followed again after ${(event.lastedMs / 1_000).toFixed(1)} s: ${what}; it was: ${event.reason}`,
      );
    default:
      return unreachable(event);
  }
}

/** What people call what is below a prefix; all others are where instances register. */
const affected: Readonly<Record<string, string>> = {
  "/fairway/config/": "the config in etcd",
  "/fairway/secrets/": "the secrets in etcd",
  "/fairway/served/": "how new other replicas are",
  "/fairway/fleet/": "the nodes of other replicas",
  "/fairway/replicas/": "what other replicas know of this one",
};

function listOf(texts: readonly string[]): string {
  const last = texts.at(-1) ?? "";
  return texts.length < 2 ? last : `${texts.slice(0, -1).join(", ")} and ${last}`;
}

function sumOf({ count, peer }: DoorEvent, what: string, happened: readonly [one: string, many: string]): string {
  const from = peer === undefined ? "" : ` from ${peer}`;
  if (count === 1) return `a ${what}${from} ${happened[0]}`;
  return `${count} ${what}s ${happened[1]}${from === "" ? "" : `, the last${from}`}`;
}

function firstOf(diagnostics: readonly Diagnostic[]): string {
  const [first] = diagnostics;
  if (first === undefined) return "no reason was given";
  const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more)` : "";
  return `${placeText(first.at)}: ${first.message}${more}`;
}

/** What is waited for may wait for the reader. */
function firstWithHint(diagnostics: readonly Diagnostic[]): string {
  const hint = diagnostics[0]?.hint;
  return `${firstOf(diagnostics)}${hint === undefined ? "" : `: ${hint}`}`;
}

function culprits(resources: readonly RejectedResource[]): string {
  const [first] = resources;
  if (first === undefined) return "";
  const where = first.at === undefined ? first.name : `${first.name} from ${placeText(first.at)}`;
  return resources.length > 1 ? ` (${where} and ${resources.length - 1} more)` : ` (${where})`;
}

function changes(all: readonly TableDiff[]): string {
  const parts = all.map(
    ({ typeUrl, added, changed, removed }) =>
      `${short(typeUrl)} +${added.length} ~${changed.length} -${removed.length}`,
  );
  return parts.length === 0 ? "nothing changed" : parts.join(", ");
}

/** Nobody has checked who it was. */
function confirmedBy({ actor, reason, replica }: Confirmation): string {
  return `${actor} (unverified, at ${replica})${reason === undefined ? "" : `: ${reason}`}`;
}

/** What would go, in the words of whoever wrote the config: `the hosts of shop (3 → 0)`. */
function finding({ typeUrl, removedCount, ofCount, names, hosts }: RemovalFinding): string {
  const type = resourceType(typeUrl)?.plural ?? typeUrl;
  const shown = names.slice(0, NAMES_SAID_MAX).map((name, index) => {
    const loss = hosts[index];
    return loss === undefined ? name : `${name} (${loss.beforeCount} → ${loss.afterCount})`;
  });
  const restCount = removedCount - shown.length;
  const list = restCount > 0 ? `${shown.join(", ")} and ${restCount} more` : shown.join(", ");
  if (hosts.length === 0) return `${removedCount} of ${ofCount} ${type}${list === "" ? "" : ` (${list})`}`;
  const what = typeUrl === typeUrls.route ? "virtual hosts" : "hosts";
  const share = removedCount === ofCount ? "all that there are" : `${removedCount} of ${ofCount} lists of ${what}`;
  return `the ${what} of ${list}, ${share}`;
}

/** The rest is in `GET /v1/snapshots`. */
const NAMES_SAID_MAX = 5;

function short(typeUrl: string): string {
  return resourceType(typeUrl)?.shortName ?? typeUrl;
}

function debug(text: string): EventDescription {
  return { level: "debug", text };
}

function info(text: string): EventDescription {
  return { level: "info", text };
}

function warn(text: string): EventDescription {
  return { level: "warn", text };
}
