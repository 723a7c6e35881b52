/**
 * The options of `fairway serve`, read and bounded.
 */
import { isIP } from "node:net";
import type { Command } from "commander";
import { Option } from "commander";
import { INTERVAL_MS_MAX, INTERVAL_MS_MIN } from "../evidence/load-settings.ts";
import type { DescriptorSetFlags } from "./descriptor-set-option.ts";
import type { EtcdFlags } from "./etcd-options.ts";
import type { PrometheusFlags } from "./prometheus-access.ts";
import type { AskedFor } from "../telemetry/event.ts";
import type { XdsTlsPaths } from "./xds-tls.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** As commander gives them. */
export interface ServeFlags extends DescriptorSetFlags, EtcdFlags, PrometheusFlags {
  readonly config?: readonly string[];
  readonly state: string;
  readonly xds: string;
  readonly admin: string;
  readonly adminHost?: readonly string[];
  readonly insecureListen?: boolean;
  readonly xdsCert?: string;
  readonly xdsKey?: string;
  readonly xdsClientCa?: string;
  readonly xdsVerifyNode?: boolean;
  readonly xdsMaxConnectionAge?: string;
  readonly soak: string;
  readonly loadReportInterval: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
}

/** A place to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Checked options, or a sentence for each mistake. */
export function readListenAddresses(
  flags: Pick<ServeFlags, "xds" | "admin" | "insecureListen" | "xdsCert" | "xdsClientCa">,
): Result<{ readonly xds: ListenAddress; readonly admin: ListenAddress }, readonly string[]> {
  const problems: string[] = [];
  const xds = readAddress("--xds", flags.xds, problems);
  const admin = readAddress("--admin", flags.admin, problems);
  const verifiesClients = flags.xdsCert !== undefined && flags.xdsClientCa !== undefined;
  for (const [flag, address, safe] of [
    ["--xds", xds, verifiesClients],
    ["--admin", admin, false],
  ] as const) {
    if (address !== undefined && !isLoopback(address.host) && !safe && flags.insecureListen !== true) {
      const wayOut = flag === "--xds" ? "ask for certificates with --xds-cert, --xds-key and --xds-client-ca, " : "";
      problems.push(
        `${flag} ${address.host}: anybody who reaches this address could steer the fleet; ` +
          `listen on 127.0.0.1, ${wayOut}or add --insecure-listen when the network itself is protected`,
      );
    }
  }
  return xds === undefined || admin === undefined || problems.length > 0 ? err(problems) : ok({ xds, admin });
}

/** Adds those that say what Envoys must show, and for how long they stay. */
export function addXdsConnectionOptions(command: Command): Command {
  return command
    .addOption(new Option("--xds-cert <file>", "Envoys connect by TLS: the certificate, PEM").env("FAIRWAY_XDS_CERT"))
    .addOption(new Option("--xds-key <file>", "the key of the certificate").env("FAIRWAY_XDS_KEY"))
    .addOption(
      new Option("--xds-client-ca <file>", "Envoys must show a certificate that this authority has signed").env(
        "FAIRWAY_XDS_CLIENT_CA",
      ),
    )
    .addOption(
      new Option("--xds-verify-node", "and it must have the node's id or cluster").env("FAIRWAY_XDS_VERIFY_NODE"),
    )
    .addOption(
      new Option("--xds-max-connection-age <duration>", "Envoys reconnect this often, to spread over replicas").env(
        "FAIRWAY_XDS_MAX_CONNECTION_AGE",
      ),
    );
}

/** How Envoys connect. */
export interface XdsConnections {
  readonly tlsPaths: XdsTlsPaths | undefined;
  readonly verifiesNode: boolean;
  readonly connectionAgeMsMax: number | undefined;
}

/** A younger age would have Envoys reconnect all the time. */
const CONNECTION_AGE_MS_MIN = 10_000;

/** What was said of TLS and connections, or a sentence for each mistake. */
export function readXdsConnections(flags: Partial<ServeFlags>): Result<XdsConnections, readonly string[]> {
  const { xdsCert: cert, xdsKey: key, xdsClientCa: clientCa, xdsVerifyNode: verifiesNode = false } = flags;
  const problems: string[] = [];
  if ((cert === undefined) !== (key === undefined)) {
    problems.push(
      `--xds-cert and --xds-key belong together; ${cert === undefined ? "--xds-cert" : "--xds-key"} is missing`,
    );
  }
  if (clientCa !== undefined && cert === undefined) problems.push("--xds-client-ca needs --xds-cert and --xds-key");
  if (verifiesNode && clientCa === undefined) {
    problems.push("--xds-verify-node needs --xds-client-ca: without it Envoys show no certificate");
  }
  const age = flags.xdsMaxConnectionAge;
  const connectionAgeMsMax = age === undefined ? undefined : readDurationMs(age);
  if (age !== undefined && (connectionAgeMsMax === undefined || connectionAgeMsMax < CONNECTION_AGE_MS_MIN)) {
    problems.push(`--xds-max-connection-age "${age}" is not a duration of 10s or more; write 30m or 1h`);
  }
  if (problems.length > 0) return err(problems);
  const tlsPaths = cert === undefined || key === undefined ? undefined : { cert, key, clientCa };
  return ok({ tlsPaths, verifiesNode, connectionAgeMsMax });
}

/** The same in the words of the log. */
export function askedFor({ tlsPaths, verifiesNode }: XdsConnections): readonly AskedFor[] {
  if (tlsPaths === undefined) return [];
  if (tlsPaths.clientCa === undefined) return ["TLS"];
  return ["TLS", "client certificates", ...(verifiesNode ? (["checked node ids"] as const) : [])];
}

/** `250ms`, `30s`, `5m`, `1h` in milliseconds; undefined when it is none of these. */
export function readDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) return undefined;
  const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as "ms" | "s" | "m" | "h"];
  return Number(match[1]) * unitMs;
}

/** How often nodes are to report their load, in milliseconds. */
export function readLoadInterval(text: string): Result<number, string> {
  const milliseconds = readDurationMs(text);
  const isFit = milliseconds !== undefined && milliseconds >= INTERVAL_MS_MIN && milliseconds <= INTERVAL_MS_MAX;
  return isFit
    ? ok(milliseconds)
    : err(`--load-report-interval "${text}": write a duration from 1s to 1h, such as 10s`);
}

/** The address as `host:port`, an IPv6 host in brackets. */
export function addressText({ host, port }: ListenAddress): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Where a command on the same machine finds an HTTP server that listens there. */
export function localUrl({ host, port }: ListenAddress): string {
  const isAll = host === "0.0.0.0" || host === "::";
  return `http://${addressText({ host: isAll ? "127.0.0.1" : host, port })}`;
}

function readAddress(flag: string, text: string, problems: string[]): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535 || (isIP(host) === 0 && host !== "localhost")) {
    problems.push(`${flag} "${text}" is not an address; write IP:PORT, such as 127.0.0.1:18000 or [::1]:18000`);
    return undefined;
  }
  return { host: host === "localhost" ? "127.0.0.1" : host, port };
}

function isLoopback(host: string): boolean {
  return host === "::1" || host.startsWith("127.");
}
