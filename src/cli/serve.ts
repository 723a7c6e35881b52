/**
 * `fairway serve`: the composition root. Everything with a lifetime is made and ended here.
 */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { Command, Option } from "commander";
import { Registry } from "prom-client";
import type { AdminServer } from "../admin/admin-server.ts";
import type { AdminViews } from "../admin/admin-views.ts";
import { createAdminServer } from "../admin/admin-server.ts";
import { DirectorySource } from "../config/directory-source.ts";
import type { PushMark } from "../config/etcd-documents.ts";
import { EtcdSource } from "../config/etcd-source.ts";
import { MergedSource } from "../config/merged-source.ts";
import type { Source } from "../config/source.ts";
import { EtcdClient } from "../etcd/etcd-client.ts";
import type { Contact } from "../etcd/follow-prefix.ts";
import { REPLICAS_PREFIX } from "../fleet/replica-record.ts";
import type { EtcdOptions } from "../etcd/etcd-members.ts";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import { drawDiagnostic } from "../model/draw-diagnostic.ts";
import type { DescriptorSet } from "../model/private-types.ts";
import { DirectoryStateStore } from "../store/directory-state-store.ts";
import { GenerationStore } from "../store/generation-store.ts";
import { ReplicaKeys } from "../store/replica-keys.ts";
import { SchemaGuard } from "../store/schema-guard.ts";
import { systemClock } from "../support/clock.ts";
import { EtcdContacts } from "../telemetry/etcd-contacts.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import type { Log } from "../telemetry/log.ts";
import { createLog } from "../telemetry/log.ts";
import { monitorLoopDelay } from "../telemetry/loop-delay.ts";
import type { Metrics, MetricsOptions } from "../telemetry/metrics.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createTimeline } from "../telemetry/timeline.ts";
import { createWarnings } from "../telemetry/warnings.ts";
import { createReadModels } from "./admin-read-models.ts";
import { registerClientStatus } from "./client-status.ts";
import { configRoots } from "./config-option.ts";
import { ControlPlane } from "./control-plane.ts";
import { descriptorSetOption, openEnvoyApi } from "./descriptor-set-option.ts";
import { addEtcdOptions, readEtcdOptions } from "./etcd-options.ts";
import { listReplicas } from "./list-replicas.ts";
import { serverFlag } from "./ask-server.ts";
import { exitCodes, wantsColour } from "./output.ts";
import { openRollouts, rememberNodes, withRollouts } from "./open-rollouts.ts";
import type { PrometheusAccess } from "./prometheus-access.ts";
import { addPrometheusOptions, readPrometheusOptions } from "./prometheus-access.ts";
import { ReplicaPresence } from "./replica-presence.ts";
import type { ListenAddress, ServeFlags, XdsConnections } from "./serve-options.ts";
import {
  addressText,
  localUrl,
  askedFor,
  readDurationMs,
  readListenAddresses,
  readLoadInterval,
  readXdsConnections,
  addXdsConnectionOptions,
} from "./serve-options.ts";
import { XdsTls } from "./xds-tls.ts";

/** After a signal this long may pass; then the process ends whatever still hangs. */
const SHUTDOWN_MS_MAX = 10_000;

/** The subcommand; it runs until a signal comes. */
export function serveCommand(): Command {
  const serving = new Command("serve")
    .description("watch config directories and serve them to Envoys over xDS")
    .argument("[dirs...]", "config directories or files, watched (or FAIRWAY_CONFIG)")
    .option("--config <dir...>", "the same as the arguments")
    .addOption(
      new Option("--state <dir>", "where snapshots survive a restart").env("FAIRWAY_STATE").default(".fairway"),
    )
    .addOption(new Option("--xds <ip:port>", "where Envoys connect").env("FAIRWAY_XDS").default("127.0.0.1:18000"))
    .addOption(new Option("--admin <ip:port>", "the admin API").env("FAIRWAY_ADMIN").default("127.0.0.1:18001"))
    .option("--admin-host <name...>", "further names under which the admin API may be asked, such as a container's")
    .option("--insecure-listen", "allow addresses other than loopback, without authentication");
  addXdsConnectionOptions(serving).addOption(descriptorSetOption());
  return addPrometheusOptions(addEtcdOptions(serving))
    .option("--soak <duration>", "a snapshot becomes the last known good after this long without a rejection", "30s")
    .option("--load-report-interval <duration>", "how often Envoys report the load on their clusters", "10s")
    .addOption(
      new Option("--log-level <level>", "the least severe line that is written")
        .choices(["debug", "info", "warn", "error"])
        .default("info"),
    )
    .action(async (dirs: readonly string[], flags: ServeFlags, command: Command) => {
      // What is in etcd may be all there is.
      const roots = configRoots(dirs, flags.config, command, {
        mayBeNone: flags.etcd !== undefined,
        instead: ", or say with --etcd http://HOST:2379 where an etcd has it",
      });
      const addresses = readListenAddresses(flags);
      const connections = readXdsConnections(flags);
      const soakMs = readDurationMs(flags.soak);
      const loadIntervalMs = readLoadInterval(flags.loadReportInterval);
      const etcd = readEtcdOptions(flags);
      const prometheus = readPrometheusOptions(flags);
      const problems = [addresses, connections, etcd, prometheus].flatMap((read) => (read.ok ? [] : read.error));
      if (soakMs === undefined) problems.push(`--soak "${flags.soak}" is not a duration; write 30s, 5m or 1h`);
      if (!loadIntervalMs.ok) problems.push(loadIntervalMs.error);
      if (
        !addresses.ok ||
        !connections.ok ||
        !etcd.ok ||
        !prometheus.ok ||
        soakMs === undefined ||
        !loadIntervalMs.ok
      ) {
        command.error(problems.map((problem) => `error: ${problem}`).join("\n"), { exitCode: exitCodes.usage });
      } else {
        // Without private types there is nothing to try, and this thread needs no descriptors.
        const sets = flags.descriptorSet.length === 0 ? [] : openEnvoyApi(flags, command).sets;
        const version = command.parent?.version() ?? "";
        await serve({
          roots,
          sets,
          soakMs,
          loadIntervalMs: loadIntervalMs.value,
          ...addresses.value,
          connections: connections.value,
          etcd: etcd.value,
          prometheus: prometheus.value,
          flags,
          version,
        });
      }
    });
}

interface ServeOptions {
  readonly roots: readonly string[];
  readonly sets: readonly DescriptorSet[];
  readonly soakMs: number;
  readonly loadIntervalMs: number;
  readonly xds: ListenAddress;
  readonly admin: ListenAddress;
  readonly connections: XdsConnections;
  readonly etcd: EtcdOptions | undefined;
  readonly prometheus: PrometheusAccess | undefined;
  readonly flags: ServeFlags;
  readonly version: string;
}

/** Where Envoys find it, and what it asks of them. */
function servingAt(
  { xds, connections }: ServeOptions,
  port: number,
): { xdsAddress: string; xdsAsksFor: ReturnType<typeof askedFor> } {
  return { xdsAddress: addressText({ host: xds.host, port }), xdsAsksFor: askedFor(connections) };
}

async function serve(options: ServeOptions): Promise<void> {
  const clock = systemClock;
  const [registry, timeline] = [new Registry(), createTimeline()];
  using loopDelay = monitorLoopDelay();
  let whereToConfirm = "";
  const listeners: Listener[] = [stderrLog(options.flags), timeline];
  const record = recorder(listeners, () => whereToConfirm);
  const warn = createWarnings({ clock, record });
  const { tlsPaths, verifiesNode, connectionAgeMsMax } = options.connections;
  const opened = tlsPaths && (await XdsTls.open({ paths: tlsPaths, clock, onWarning: warn }));
  const store = await GenerationStore.open({ directory: options.flags.state, onWarning: warn });
  const identifier = `fairway ${options.version} ${hostname()}`;
  // With etcd what is live is there.
  const state = options.etcd === undefined ? await openLiveState(options.flags.state, warn) : undefined;
  const contacts = new EtcdContacts({ clock, record });
  const etcd = options.etcd && openGuarded(options.etcd, identifier, contacts);
  const keys = etcd && replicaKeys(etcd, contacts);
  const { source, etcdConfig } = sourcesOf(options, {
    etcd,
    onWarning: warn,
    onReached: () => plane.inputReached(),
    onContact: (prefix, contact) => contacts.hear(prefix, contact),
    onUnfinishedPush: (push) => contacts.hearPush(push),
  });
  const plane: ControlPlane = new ControlPlane({
    replica: keys?.id ?? identifier,
    source,
    etcd: etcd && keys && { port: etcd, keys, config: etcdConfig },
    store,
    state,
    clock,
    identifier,
    soakMs: options.soakMs,
    transport: { tls: opened?.tls, verifiesNode, connectionAgeMsMax },
    loadIntervalMs: options.loadIntervalMs,
    onWarning: warn,
    sets: options.sets,
    onEtcdContact: (prefix, contact) => contacts.hear(prefix, contact),
    onRegistryProgress: () => presence?.changed(),
    record,
  });
  let presence: ReplicaPresence | undefined;
  if (opened !== undefined) followCertificates(opened.files, plane, record);
  registerClientStatus({ plane, sets: options.sets, clock, verifiesNode });
  const shown = { registry, loopDelay, etcd: etcd && contacts, rollouts: () => rollouts.standings() };
  const kept = { etcd, state, replica: keys?.id, clock, prometheus: options.prometheus };
  const remembered = rememberNodes(plane, kept);
  listeners.push(metricsOf(plane, shown), remembered);
  const seen = { registry, timeline, loopDelay, etcd: contacts, replicas: replicaLister(etcd, keys), remembered };
  const views = createReadModels({ plane, sets: options.sets, clock, ...seen });
  const rollouts = openRollouts({ plane, views, ...kept, onWarning: warn, record });
  const admin = adminServer(options, withRollouts(views, rollouts), warn);
  try {
    const listened = await admin.listen();
    const adminAddress = addressText(listened);
    whereToConfirm = serverFlag(localUrl(listened));
    const xds = await plane.server.listen(addressText(options.xds));
    record({ kind: "serving", atMs: clock.monotonicMs(), ...servingAt(options, xds), adminAddress, pid: process.pid });
    presence = keys && new ReplicaPresence({ keys, clock, admin: adminAddress, read: () => plane.registryPositions });
    await Promise.all([remembered.start(), plane.start()]);
    await rollouts.start();
    record({ kind: "stopping", reason: await nextSignal(), atMs: clock.monotonicMs() });
  } finally {
    await Promise.all([remembered.close(), opened?.files.close()]);
    await rollouts.close();
    contacts.close();
    await close({ plane, admin, presence, keys });
    etcd?.close();
    await state?.close();
  }
}

function openLiveState(directory: string, onWarning: (text: string) => void): Promise<DirectoryStateStore> {
  return DirectoryStateStore.open({ directory: join(directory, "live"), onWarning });
}

function metricsOf(
  plane: ControlPlane,
  of: Pick<MetricsOptions, "registry" | "loopDelay" | "etcd" | "rollouts">,
): Metrics {
  return createMetrics({
    ...of,
    fleet: () => plane.fleet,
    otherFleets: () => plane.otherFleets(),
    loads: plane.loads,
    traffic: plane.trafficReports,
    routeReports: plane.routeReports,
    validities: () => plane.validities,
    refusedInstancesCount: () => plane.refusedInstances.count,
    unnamedInstancesCount: () => plane.unnamedInstances.count,
  });
}

interface Listener {
  record(event: FairwayEvent): void;
}

/** Tells all of them, also those that come later; of what is held also how this server is found to release it. */
function recorder(listeners: readonly Listener[], whereToConfirm: () => string): (event: FairwayEvent) => void {
  return (event) => {
    const told = event.kind === "config-held" ? { ...event, serverFlag: whereToConfirm() } : event;
    for (const listener of listeners) listener.record(told);
  };
}

function adminServer(options: ServeOptions, views: AdminViews, warn: (text: string) => void): AdminServer {
  return createAdminServer({
    listen: options.admin,
    allowedHosts: options.flags.adminHost ?? [],
    version: options.version,
    views,
    onError: (error) => warn(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  });
}

/** etcd, which is written only as long as no newer Fairway has. */
function openGuarded(options: EtcdOptions, by: string, contacts: EtcdContacts): EtcdPort {
  const etcd = new SchemaGuard({
    etcd: new EtcdClient(options),
    by,
    onChange: (newer) => contacts.hearNewer(newer),
  });
  etcd.follow({ clock: systemClock, random: Math.random });
  return etcd;
}

/** The directories, what is in etcd, or both. */
function sourcesOf(
  { roots }: ServeOptions,
  ports: {
    readonly etcd: EtcdPort | undefined;
    onWarning(text: string): void;
    onReached(): void;
    onContact(prefix: string, contact: Contact): void;
    onUnfinishedPush(push: PushMark | undefined): void;
  },
): { readonly source: Source; readonly etcdConfig: EtcdSource | undefined } {
  const { etcd, onWarning, onReached, onContact, onUnfinishedPush } = ports;
  const clock = systemClock;
  const directories = new DirectorySource({ roots, clock, onWarning });
  if (etcd === undefined) return { source: directories, etcdConfig: undefined };
  const shared = new EtcdSource({
    etcd,
    clock,
    random: Math.random,
    onReached,
    onContact,
    onUnfinishedPush,
    isAlone: roots.length === 0,
  });
  const source = roots.length === 0 ? shared : new MergedSource([directories, shared]);
  return { source, etcdConfig: shared };
}

/** Certificates that are renewed are in force for new connections, and told. */
function followCertificates(files: XdsTls, plane: ControlPlane, record: (event: FairwayEvent) => void): void {
  files.follow((read) => {
    const atMs = systemClock.monotonicMs();
    if (read.ok) {
      const { tls, ...rest } = read.value;
      plane.server.renewTls(tls);
      record({ kind: "xds-certificate-renewed", atMs, ...rest });
    } else record({ kind: "xds-certificate-kept", atMs, mistakes: read.error });
  });
}

function stderrLog(flags: ServeFlags): Log {
  const colour = wantsColour(process.stderr);
  return createLog({
    write: (line) => process.stderr.write(line),
    terminal: process.stderr.isTTY,
    color: colour,
    level: flags.logLevel,
    draw: (diagnostic) => drawDiagnostic(diagnostic, { colour }),
  });
}

/** The first SIGINT or SIGTERM ends the serving in order, a second one at once. */
async function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    let seen = false;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (seen) process.exit(exitCodes.internal);
        seen = true;
        resolve(signal);
      });
    }
  });
}

function replicaLister(etcd: EtcdPort | undefined, keys: ReplicaKeys | undefined): AdminViews["replicas"] | undefined {
  return etcd && keys && (() => listReplicas(etcd, keys.id));
}

function replicaKeys(etcd: EtcdPort, contacts: EtcdContacts): ReplicaKeys {
  const id = `${hostname()}-${randomBytes(4).toString("hex")}`;
  const onContact = (contact: Contact) => contacts.hear(REPLICAS_PREFIX, contact);
  return new ReplicaKeys({ etcd, clock: systemClock, random: Math.random, id, onContact });
}

interface Closed {
  readonly plane: ControlPlane;
  readonly admin: AdminServer;
  readonly presence: ReplicaPresence | undefined;
  readonly keys: ReplicaKeys | undefined;
}

async function close({ plane, admin, presence, keys }: Closed): Promise<void> {
  const forced = setTimeout(() => process.exit(exitCodes.internal), SHUTDOWN_MS_MAX);
  await plane.close();
  // Its Envoys may have an older state until they are at another replica; who waits for that waits until here.
  presence?.close();
  await keys?.close();
  await admin.close();
  clearTimeout(forced);
}
