/**
 * `10.0.0.1:8080` and `[::1]:80`: the host and port of an endpoint; `db.internal:80`: what DNS is asked for.
 */
import { isIP } from "node:net";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** An IP address or a name, and a port. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** What is wrong with an address, and the way out. */
export interface AddressProblem {
  readonly message: string;
  readonly hint: string;
}

/** All addresses whose first bits are these. */
export interface AddressRange {
  readonly address: string;
  readonly prefixLength: number;
}

export const PORT_MAX = 65_535;
const EXAMPLE = "write an IP address and a port: 10.0.0.1:8080 or [::1]:8080";

/** Parses an endpoint's address; names are refused, because resolving them is another kind of service. */
export function parseAddress(text: string): Result<HostAndPort, AddressProblem> {
  const match = /^(?:\[(?<bracketed>[^\]]*)\]|(?<plain>[^:]*)):(?<port>[0-9]{1,5})$/.exec(text);
  const host = match?.groups?.["bracketed"] ?? match?.groups?.["plain"];
  if (match === null || host === undefined || host === "") return err(explain(text));
  const port = Number(match.groups?.["port"]);
  if (port < 1 || port > PORT_MAX) {
    return err({ message: portRange(text), hint: EXAMPLE });
  }
  const bracketed = match.groups?.["bracketed"] !== undefined;
  if (!isIpAddress(host) || bracketed !== host.includes(":")) return err(explain(text));
  return ok({ host, port });
}

const SOCKET = "unix:";
/** What Linux takes, without the byte behind it. */
const SOCKET_PATH_BYTES_MAX = 107;

/** An endpoint of a config file: as `parseAddress`, or a Unix domain socket, whose host is `unix:` with the path. */
export function parseEndpointAddress(text: string): Result<HostAndPort, AddressProblem> {
  if (!text.startsWith(SOCKET)) return parseAddress(text);
  const path = text.slice(SOCKET.length);
  const hint = "write `unix:` and the path of the socket on Envoy's machine: unix:/run/app.sock";
  if (!/^[/@][^\u0000]+$/.test(path)) return err({ message: `"${text}" names no Unix domain socket`, hint });
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    return err({ message: `the path of a Unix domain socket has at most ${SOCKET_PATH_BYTES_MAX} bytes`, hint });
  }
  return ok({ host: text, port: 0 });
}

/** The path of the socket when the host is one. */
export function socketPath(host: string): string | undefined {
  return host.startsWith(SOCKET) ? host.slice(SOCKET.length) : undefined;
}

/** A host name, perhaps with a dot at its end that keeps search domains out. */
export const dnsNamePattern =
  /^(?=.{1,254}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;

/** A host name and a port. */
export function parseDnsAddress(text: string): Result<HostAndPort, AddressProblem> {
  const [, host = "", digits = ""] = /^(.*):([0-9]{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const hint = "write a host name and a port: db.internal:5432";
  if (parseAddress(text).ok) {
    return err({ message: `"${text}" is an IP address`, hint: "write it under `endpoints`" });
  }
  if (!dnsNamePattern.test(host)) {
    const lacksPort = digits === "" && dnsNamePattern.test(text);
    return err({ message: lacksPort ? `"${text}" has no port` : `"${text}" is not a host name and a port`, hint });
  }
  if (port < 1 || port > PORT_MAX) return err({ message: portRange(text), hint });
  return ok({ host, port });
}

/** IPv4 or IPv6; an IPv6 zone (`fe80::1%eth0`) means something on one machine only and is refused. */
export function isIpAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes("%");
}

function portRange(text: string): string {
  return `the port of "${text}" is not between 1 and ${PORT_MAX}`;
}

function explain(text: string): AddressProblem {
  if (isIpAddress(text)) return { message: `the address "${text}" has no port`, hint: EXAMPLE };
  const lastColon = text.lastIndexOf(":");
  if (lastColon > 0 && isIP(text.slice(0, lastColon)) === 6) {
    const [host, port] = [text.slice(0, lastColon), text.slice(lastColon + 1)];
    return { message: `the IPv6 address in "${text}" needs brackets`, hint: `write [${host}]:${port}` };
  }
  if (/^[A-Za-z0-9.-]*[A-Za-z][A-Za-z0-9.-]*(?::[0-9]+)?$/.test(text)) {
    return {
      message: `"${text}" is a host name; endpoints are IP addresses`,
      hint: `write \`discovery: { dns: "${text.includes(":") ? text : `${text}:80`}" }\` instead of \`endpoints\``,
    };
  }
  return { message: `"${text}" is not an address`, hint: EXAMPLE };
}

/** A range that the schema has checked; an address alone is a range of one. */
export function readAddressRange(text: string): AddressRange {
  const [address = "", bits] = text.split("/");
  return { address, prefixLength: bits === undefined ? (address.includes(":") ? 128 : 32) : Number(bits) };
}
