/**
 * Who is at the other end of a connection: an address, and the names in a certificate that was verified.
 */
import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** The same for all calls of a connection. */
export interface Peer {
  /** `host:port`, or the word `socket` for a Unix socket. */
  readonly address: string;
  /** The URI and DNS names of the client's certificate; undefined when it had to show none. */
  readonly names: readonly string[] | undefined;
}

/** Looked up once, when the connection is new: later its socket may be gone. */
export function peerOf(session: ServerHttp2Session, verifiesClients: boolean): Peer {
  const address = addressOf(session.socket);
  if (!verifiesClients) return { address, names: undefined };
  const { subjectaltname } = (session.socket as TLSSocket).getPeerCertificate();
  return { address, names: alternativeNames(subjectaltname ?? "") };
}

/** `host:port`, or the word `socket`. */
export function addressOf(socket: Pick<Socket, "remoteAddress" | "remoteFamily" | "remotePort">): string {
  const { remoteAddress, remoteFamily, remotePort } = socket;
  const host = remoteFamily === "IPv6" ? `[${remoteAddress}]` : remoteAddress;
  return remoteAddress === undefined ? "socket" : `${host}:${remotePort}`;
}

/**
 * The names in Node's text form of a subjectAltName, such as `DNS:a.test, URI:spiffe://x/y`.
 *
 * A name with a comma or a quote in it is written as a JSON string by Node, and belongs to nobody here: it
 * is left out, as are addresses.
 */
export function alternativeNames(text: string): readonly string[] {
  const entries = text.matchAll(/(?:^|, )([^:,"]+):(?:"(?:[^"\\]|\\.)*"|([^",]*))(?=, |$)/g);
  return [...entries].flatMap(([, kind, name]) =>
    (kind === "DNS" || kind === "URI") && name !== undefined && name !== "" ? [name] : [],
  );
}
