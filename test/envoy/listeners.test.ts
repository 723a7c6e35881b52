/**
 * What a change of a listener does to the connections that are open on it, and that nothing more is lost than that.
 *
 * One edit changes a filter chain, a certificate, a filter, a port, a name, and takes a listener away, while every
 * kind of connection is open on each. docs/listeners.md is what is found here, in words.
 */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { freePorts } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { certificatesDir } from "../support/certificates.ts";
import { BusyClient, openEcho, openHttp1, openHttp2, openSocket, startPatientBackends } from "./open-connections.ts";
import type { Connection, Target } from "./open-connections.ts";
import { startScene } from "./scene.ts";

const DRAIN_S = 8;
/** Envoy counts from the beginning of its loop's turn, which a very busy machine makes as long as seconds. */
const EARLY_MS = 3_000;
const LATE_MS = 5_000;

interface Ports {
  readonly shared: number;
  readonly certificate: number;
  readonly filter: number;
  readonly moved: number;
  readonly movedTo: number;
  readonly removed: number;
  readonly renamed: number;
  readonly tcp: number;
  readonly tcpTo: number;
  readonly tcpFilter: number;
  readonly tcpTls: number;
  readonly tcpRemoved: number;
  readonly inline: number;
}

/** Before the edit and after it. */
function config(ports: Ports, backends: { readonly http: number; readonly echo: number }, edited: boolean): string {
  const drain = `drain: { time: ${DRAIN_S}s }`;
  const https = (name: string, more = "") =>
    `{ name: ${name}, port: ${ports.shared}, address: 127.0.0.1, protocol: HTTPS, hostnames: [${name}.test], tls: { secret: fixed${more} } }`;
  const http = (port: number) => `listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], ${drain}`;
  const chains = [
    https("one", edited ? ", minVersion: TLSv1_3" : ""),
    https("two"),
    ...(edited ? [https("three")] : []),
  ];
  return `
nodes: { all: { removalGuard: off, updates: { grace: 250ms } } }
gateways:
  shared: { listeners: [${chains.join(", ")}], ${drain} }
  certificate: { listeners: [{ name: https, port: ${ports.certificate}, address: 127.0.0.1, protocol: HTTPS, tls: { secret: renewed } }] }
  filter: { ${http(ports.filter)} }
  moved: { ${http(edited ? ports.movedTo : ports.moved)} }
  ${edited ? "new-name" : "old-name"}: { ${http(ports.renamed)} }
${edited ? "" : `  removed: { ${http(ports.removed)} }`}
secrets:
  fixed: { certificate: { file: ${certificatesDir}/one.pem }, privateKey: { file: ${certificatesDir}/one.key } }
  renewed: { certificate: { file: site.pem }, privateKey: { file: site.key } }
services:
  shop: { endpoints: ["127.0.0.1:${backends.http}"] }
  ${edited ? "new" : "old"}-echo: { endpoints: ["127.0.0.1:${backends.echo}"] }
${edited ? "" : `  inlined: { endpoints: ["127.0.0.1:${backends.http}"] }`}
${edited ? "" : `  leaving: { endpoints: ["127.0.0.1:${backends.http}"] }`}
routes:
  shop: { gateways: [shared, certificate, filter, moved, ${edited ? "new-name" : "old-name"}], rules: [{ backends: [{ service: shop }] }] }
${edited ? "" : "  leaving: { gateways: [removed], rules: [{ backends: [{ service: leaving }] }] }"}
patches:
${["moved/http", `127.0.0.1:${ports.shared}`, ...(edited ? [] : ["removed/http"])].map(webSockets).join("\n")}
${webSockets("filter/http")}
      - { op: replace, path: /filter_chains/0/filters/0/typed_config/stream_idle_timeout, value: ${edited ? 200 : 300}s }
resources:
${tcpListener("tcp", edited ? ports.tcpTo : ports.tcp, { edited })}
${tcpListener("tcp-filter", ports.tcpFilter, { edited, idleS: edited ? 200 : 300 })}
${tcpListener("tcp-tls", ports.tcpTls, { edited, tls: edited ? "TLSv1_3" : "TLSv1_2" })}
${edited ? "" : tcpListener("tcp-removed", ports.tcpRemoved, { edited })}
${edited ? "" : inlineListener(ports.inline)}
`;
}

const webSockets = (listener: string): string => `
  - target: { type: Listener, name: "${listener}" }
    jsonPatch:
      - { op: add, path: /filter_chains/0/filters/0/typed_config/upgrade_configs, value: [{ upgrade_type: websocket }] }`;

interface TcpParts {
  readonly edited: boolean;
  readonly idleS?: number;
  readonly tls?: string;
}

const tcpListener = (name: string, port: number, { edited, idleS = 3_600, tls }: TcpParts): string => `
  - "@type": type.googleapis.com/envoy.config.listener.v3.Listener
    name: ${name}
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
      - filters:
          - name: tcp
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
              stat_prefix: tcp
              idle_timeout: ${idleS}s
              cluster: ${edited ? "new" : "old"}-echo
${tls === undefined ? "" : transportSocket(tls)}`;

const transportSocket = (minimum: string): string => `
        transport_socket:
          name: tls
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
            common_tls_context:
              tls_params: { tls_minimum_protocol_version: ${minimum} }
              tls_certificate_sds_secret_configs: [{ name: fixed, sds_config: { ads: {}, resource_api_version: V3 } }]`;

/** Its routes are its own: on a connection that is left from it, they lead where they led. */
const inlineListener = (port: number): string => `
  - "@type": type.googleapis.com/envoy.config.listener.v3.Listener
    name: inline
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
      - filters:
          - name: http
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: inline
              route_config:
                virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: inlined } }] }]
              http_filters:
                - name: router
                  typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
`;

/** What is open on one listener while it changes. */
interface Opened {
  readonly idle: readonly Connection[];
  /** Sends its request in the middle of the drain. */
  readonly later: Connection;
  /** Requests that end within the drain, on HTTP/1.1 and HTTP/2. */
  readonly within: Promise<readonly (number | string)[]>;
  /** Requests that do not. */
  readonly beyond: Promise<readonly (number | string)[]>;
  readonly all: readonly Connection[];
}

async function openAll(target: Target): Promise<Opened> {
  const idle = [await openHttp1(target), await openHttp2(target)];
  for (const connection of idle) expect(await connection.ask("/0")).toBe(200);
  const [later, first, second] = [await openHttp1(target), await openHttp1(target), await openHttp1(target)];
  const both = await openHttp2(target);
  return {
    idle,
    later,
    within: Promise.all([first.ask("/held/within"), both.ask("/held/within")]),
    beyond: Promise.all([second.ask("/held/beyond"), both.ask("/held/beyond")]),
    all: [...idle, later, first, second, both],
  };
}

async function choosePorts(): Promise<Ports> {
  const names = ["shared", "certificate", "filter", "moved", "movedTo", "removed", "renamed", "inline"];
  names.push("tcp", "tcpTo", "tcpFilter", "tcpTls", "tcpRemoved");
  const free = await freePorts(names.length);
  return Object.fromEntries(names.map((name, index) => [name, free[index]])) as unknown as Ports;
}

/** WebSockets and raw TCP on everything that changes: a filter chain, its TLS, its port, or all of it. */
async function openEchoes(ports: Ports) {
  const tls = { servername: "one.test" };
  const targets: readonly (Target & { readonly name: string; readonly upgrade: boolean })[] = [
    { name: "WebSocket, filter chain", port: ports.filter, upgrade: true },
    { name: "WebSocket, TLS", port: ports.shared, ...tls, upgrade: true },
    { name: "WebSocket, port", port: ports.moved, upgrade: true },
    { name: "WebSocket, removed", port: ports.removed, upgrade: true },
    { name: "TCP, filter chain", port: ports.tcpFilter, upgrade: false },
    { name: "TCP, TLS", port: ports.tcpTls, ...tls, upgrade: false },
    { name: "TCP, port", port: ports.tcp, upgrade: false },
    { name: "TCP, removed", port: ports.tcpRemoved, upgrade: false },
  ];
  return Promise.all(targets.map(async (target) => ({ name: target.name, connection: await openEcho(target) })));
}

describe.concurrent("an edit of listeners", () => {
  test.each([
    ["delta", "1.40"],
    ["sotw", "1.36"],
  ] as const)(
    "ends the connections of what changed, in Envoy's drain time, and of nothing else, and loses no request that ends in it (%s, Envoy %s)",
    async (api, version) => {
      const ports = await choosePorts();
      await using backends = await startPatientBackends();
      const renew = async (configDir: string, name: string) => {
        for (const end of ["key", "pem"])
          await copyFile(join(certificatesDir, `${name}.${end}`), join(configDir, `site.${end}`));
      };
      await using scene = await startScene({
        backends: 0,
        api,
        envoy: { version, drainTimeS: DRAIN_S },
        prepare: (configDir) => renew(configDir, "one"),
        config: () => config(ports, backends, false),
      });
      await scene.envoy.ready();
      const url = `http://127.0.0.1:${ports.renamed}/`;
      await using kept = Load.start({ url, concurrency: 2, requestsPerSecond: 100 });
      const changed = { port: ports.shared, servername: "one.test" };
      await using busyOnChain = new BusyClient(changed);
      await using busyOnFilter = new BusyClient({ port: ports.filter });
      await using busyOnName = new BusyClient({ port: ports.renamed });
      const draining = {
        changed: await openAll(changed),
        filter: await openAll({ port: ports.filter }),
        moved: await openAll({ port: ports.moved }),
        removed: await openAll({ port: ports.removed }),
        renamed: await openAll({ port: ports.renamed }),
        inline: await openAll({ port: ports.inline }),
      };
      const staying = {
        neighbour: await openAll({ port: ports.shared, servername: "two.test" }),
        certificate: await openAll({ port: ports.certificate, servername: "one.test" }),
      };
      const echoes = await openEchoes(ports);

      const before = await scene.served();
      const editedAtMs = performance.now();
      await renew(scene.configDir, "one-renewed");
      await scene.save(config(ports, backends, true));
      await scene.converged(before);
      const acknowledgedAtMs = performance.now();

      // A port that was left is closed to newcomers at once, and a new one is open.
      for (const port of [ports.moved, ports.removed, ports.tcp, ports.tcpRemoved, ports.inline]) await refused(port);
      for (const port of [ports.movedTo, ports.renamed, ports.filter, ports.tcpTo, ports.tcpFilter])
        (await openSocket({ port })).destroy();
      (await openSocket({ port: ports.tcpTls, servername: "one.test" })).destroy();
      // What is open goes on: the removed listener too, whose service has left with it.
      const graceIsOver = acknowledgedAtMs + 1_500;
      await waitUntil(() => performance.now() > graceIsOver, { what: "the grace, which is 250 ms, to be long over" });
      backends.release("within");
      for (const [name, { within, later }] of Object.entries(draining)) {
        expect(await within, name).toEqual([200, 200]);
        expect(await later.ask("/0"), name).toBe(200);
      }
      for (const { connection } of echoes) await connection.echo();

      // At the end of the drain they are cut, with what is still under way on them, and not before.
      const ends = [
        ...Object.entries(draining).flatMap(([name, { idle }]) => idle.map((connection) => ({ name, connection }))),
        ...echoes,
      ];
      for (const { name, connection } of ends) {
        const what = `${name} to be closed at the end of the drain`;
        const closedAtMs = await waitUntil(() => connection.closedAtMs(), { what, timeoutMs: 20_000 });
        // Envoy says something only with an answer.
        // Envoy 1.40 tells idle HTTP/2 connections to go, at a random moment before.
        if ("toldAtMs" in connection && connection.toldAtMs() !== undefined) continue;
        expect(closedAtMs - editedAtMs, name).toBeGreaterThan(DRAIN_S * 1_000 - EARLY_MS);
        expect(closedAtMs - acknowledgedAtMs, name).toBeLessThan(DRAIN_S * 1_000 + LATE_MS);
      }
      for (const [name, { beyond }] of Object.entries(draining)) {
        for (const answer of await beyond) expect(typeof answer, `${name}: ${answer}`).toBe("string");
      }

      backends.release("beyond");
      // Nobody told the others anything, and their requests outlast the drain.
      for (const [name, { within, beyond, all }] of Object.entries(staying)) {
        expect(await within, name).toEqual([200, 200]);
        expect(await beyond, name).toEqual([200, 200]);
        for (const connection of all) {
          expect([connection.toldAtMs(), connection.closedAtMs()], name).toEqual([undefined, undefined]);
          expect(await connection.ask("/0"), name).toBe(200);
          connection.close();
        }
      }
      for (const client of [busyOnChain, busyOnFilter, busyOnName]) {
        const { sent, lost, connections } = await client.stop();
        expect(lost).toEqual([]);
        expect(sent).toBeGreaterThan(100);
        expect(connections).toBeGreaterThan(1);
      }
      const { failures } = await kept.stop();
      expect(failures).toEqual([]);
      await waitUntil(
        async () => (await scene.envoy.stats("^cluster\\.(leaving|inlined|old-echo)\\.membership_total$")).size === 0,
        { what: "the services to leave after the drain", timeoutMs: 20_000 },
      );
    },
  );
});

/** Waits until nobody can connect; a worker of Envoy closes its socket a moment after the change is acknowledged. */
async function refused(port: number): Promise<void> {
  await waitUntil(
    () =>
      openSocket({ port }).then(
        (socket) => void socket.destroy(),
        () => true,
      ),
    { what: `port ${port} to be closed` },
  );
}
