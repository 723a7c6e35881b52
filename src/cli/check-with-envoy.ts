/**
 * `fairway check --envoy`: what a real Envoy says to the snapshots, before any of the fleet gets them.
 *
 * For each group the binary is started in a directory that goes with it, and gets the group's snapshot over
 * ADS through a Unix socket in that directory: no port is opened, neither by Envoy nor for it.
 * `inert-copy.ts` says what is changed in the snapshot so that nothing else is touched.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import { resourceType, typeUrls } from "../snapshot/type-url.ts";
import { present } from "../support/assert.ts";
import { systemClock } from "../support/clock.ts";
import { FairwayError } from "../support/fairway-error.ts";
import { AdsServer } from "../xds/ads-server.ts";
import type { DoorEvent, StreamEvent } from "../xds/stream-event.ts";
import { createBootstrap } from "./bootstrap.ts";
import { envoyVersion, onEndingSignal, startEnvoy } from "./envoy-child.ts";
import { inertCopy } from "./inert-copy.ts";

/** What is asked of whom. */
export interface EnvoyCheck {
  /** The Envoy binary. */
  readonly path: string;
  readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
  readonly api: EnvoyApi;
  /** For each group. */
  readonly timeoutMs: number;
}

/** What it says: nothing in `diagnostics` means that it takes all of it. */
export interface EnvoyOpinion {
  readonly version: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** After a refusal Envoy is given as long to refuse more: types that wait for the refused one come later. */
const QUIET_MS = 2_000;
/** Envoy quotes whole messages now and then. */
const WORDS_CHARS_MAX = 600;
/** As many resources are named when Envoy does not say which of a response it means. */
const NAMES_MAX = 5;

/** Asks for each group in turn; throws a `FairwayError` when the binary cannot be run or does not answer. */
export async function checkWithEnvoy(check: EnvoyCheck): Promise<EnvoyOpinion> {
  const version = await envoyVersion(check.path);
  const diagnostics: Diagnostic[] = [];
  for (const snapshot of check.snapshots.values()) {
    const rejections = await rejectionsOf(snapshot, check);
    diagnostics.push(...rejections.flatMap((event) => describe(event, snapshot, version)));
  }
  return { version, diagnostics };
}

type Rejection = StreamEvent & { readonly kind: "rejected" | "rejection-narrowed" };

async function rejectionsOf(snapshot: Snapshot, check: EnvoyCheck): Promise<readonly Rejection[]> {
  await using stack = new AsyncDisposableStack();
  stack.defer(onEndingSignal(() => stack.disposeAsync()));
  const directory = await mkdtemp(join(tmpdir(), "fairway-check-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const verdict = createVerdict(check.timeoutMs);
  stack.defer(() => verdict.stop());
  const server = new AdsServer({
    clock: systemClock,
    identifier: "fairway check",
    earlier: () => [],
    emit: (events) => events.forEach((event) => verdict.take(event)),
  });
  stack.defer(() => server.close());
  const socket = join(directory, "ads");
  await server.listen(`unix:${socket}`);
  await server.publish({
    groups: [{ name: snapshot.group, match: {} }],
    snapshots: new Map([[snapshot.group, inertCopy(snapshot, check.api)]]),
  });
  const envoy = stack.use(startEnvoy(check.path, bootstrapFor(snapshot, socket), directory));
  return await Promise.race([
    verdict.reached,
    envoy.ended.then((words) => failed(`${check.path} has ended: ${words}`)),
  ]);
}

/** Waits until Envoy has answered to everything. */
function createVerdict(timeoutMs: number): {
  readonly reached: Promise<readonly Rejection[]>;
  take(event: StreamEvent | DoorEvent): void;
  stop(): void;
} {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Rejection[]>();
  let rejections: readonly Rejection[] = [];
  const expired = setTimeout(() => {
    if (rejections.length > 0) resolve(rejections);
    else
      reject(
        new FairwayError(
          "ENVOY_FAILED",
          `Envoy did not answer to everything in ${timeoutMs / 1_000} s; --timeout gives it longer`,
        ),
      );
  }, timeoutMs);
  let quiet: NodeJS.Timeout | undefined;
  return {
    reached: promise,
    take(event) {
      if (event.kind === "rejected" || event.kind === "rejection-narrowed") {
        // What Envoy rejected without a name is sent to it in parts: only the last of these says what it was.
        rejections = [...rejections.filter((earlier) => !isPartOf(event, earlier)), event];
      }
      if (event.kind === "synced" && rejections.length === 0) resolve([]);
      if (rejections.length === 0) return;
      clearTimeout(quiet);
      quiet = setTimeout(() => resolve(rejections), QUIET_MS);
    },
    stop() {
      clearTimeout(expired);
      clearTimeout(quiet);
    },
  };
}

function isPartOf(event: Rejection, earlier: Rejection): boolean {
  if (event.typeUrl !== earlier.typeUrl || event.resources.length >= earlier.resources.length) return false;
  return event.resources.every(({ name }) => earlier.resources.some((resource) => resource.name === name));
}

/** The bootstrap that people get, but for its ports: the control plane is a socket, and there is no admin page. */
function bootstrapFor({ group, tables }: Snapshot, socket: string): unknown {
  const nowhere = { host: "127.0.0.1", port: 1 };
  const { admin: _admin, ...bootstrap } = createBootstrap({
    // Nobody reads them, and an Envoy that is older than those that are served may not know them.
    trafficReports: false,
    nodeId: `fairway-check-${group}`,
    cluster: "fairway-check",
    api: "delta",
    xds: nowhere,
    admin: nowhere,
    runtime: (tables.get(typeUrls.runtime)?.resources.size ?? 0) > 0,
  });
  const { clusters } = bootstrap["static_resources"] as { readonly clusters: readonly [Record<string, unknown>] };
  const [cluster] = clusters;
  const endpoint = { endpoint: { address: { pipe: { path: socket } } } };
  const { upstream_connection_options: _tcp, ...rest } = cluster;
  const load_assignment = { cluster_name: cluster["name"], endpoints: [{ lb_endpoints: [endpoint] }] };
  const typed_dns_resolver_config = {
    name: "envoy.network.dns_resolver.cares",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
      resolvers: [{ socket_address: { address: nowhere.host, port_value: nowhere.port } }],
    },
  };
  return { ...bootstrap, typed_dns_resolver_config, static_resources: { clusters: [{ ...rest, load_assignment }] } };
}

/** One diagnostic for each resource that Envoy names; one for the response when it names none. */
function describe(event: Rejection, snapshot: Snapshot, version: string): readonly Diagnostic[] {
  const words = event.message.replaceAll(/\s+/g, " ").trim().slice(0, WORDS_CHARS_MAX);
  const type = resourceType(event.typeUrl)?.shortName ?? event.typeUrl;
  const named = event.resources.filter(({ name }) => event.message.includes(name));
  const groups = named.length > 0 ? named.map((resource) => [resource]) : [event.resources];
  return groups.flatMap((resources): readonly Diagnostic[] => {
    const names = resources.slice(0, NAMES_MAX).map(({ name }) => `"${name}"`);
    const rest = resources.length > names.length ? ` and ${resources.length - names.length} more` : "";
    const at = resources.find((resource) => resource.at !== undefined)?.at;
    const message = `Envoy ${version}, as one of group ${snapshot.group}, refuses the ${type} resource ${names.join(", ")}${rest}: ${words}`;
    return [{ code: "envoy-refused", severity: "error", message, at: present(at, "what is served has a place") }];
  });
}

function failed(message: string): never {
  throw new FairwayError("ENVOY_FAILED", message);
}
