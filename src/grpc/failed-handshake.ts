/**
 * Why a TLS handshake has failed, in words that say what to look at: the Envoy itself logs a number of OpenSSL,
 * or only that its stream was closed.
 */
import type { TLSSocket } from "node:tls";
import { addressOf } from "./peer.ts";

/** A closed list, so that nothing that comes from outside grows what is counted by it. */
export type HandshakeFailure =
  | "it spoke plain text: its bootstrap has no TLS"
  | "it showed no certificate: its bootstrap names none, and --xds-client-ca asks for one"
  | "it showed a certificate that no authority in --xds-client-ca has signed"
  | "it showed a certificate that is not valid now: renew it, or set its clock"
  | "it showed a certificate that is not for TLS clients: its extended key usage must allow clientAuth"
  | "it does not trust the certificate of this port: compare its CA and the name it expects with --xds-cert"
  | "it hung up in the handshake, as one does that does not trust --xds-cert: compare its CA and the name it expects"
  | "it does not speak HTTP/2"
  | "it has no TLS version or cipher in common with this port, which speaks TLS 1.2 and 1.3"
  | "it did not end the handshake in time"
  | "its handshake broke off";

/** A connection that never was one. */
export interface FailedHandshake {
  /** As in `Peer`; undefined when the socket was gone before anything was agreed on. */
  readonly peer: string | undefined;
  readonly reason: HandshakeFailure;
}

const byCode: Readonly<Record<string, HandshakeFailure>> = {
  ERR_SSL_HTTP_REQUEST: "it spoke plain text: its bootstrap has no TLS",
  ERR_SSL_HTTPS_PROXY_REQUEST: "it spoke plain text: its bootstrap has no TLS",
  ERR_SSL_WRONG_VERSION_NUMBER: "it spoke plain text: its bootstrap has no TLS",
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    "it showed no certificate: its bootstrap names none, and --xds-client-ca asks for one",
  ERR_SSL_NO_APPLICATION_PROTOCOL: "it does not speak HTTP/2",
  ERR_SSL_UNSUPPORTED_PROTOCOL:
    "it has no TLS version or cipher in common with this port, which speaks TLS 1.2 and 1.3",
  ERR_SSL_NO_SHARED_CIPHER: "it has no TLS version or cipher in common with this port, which speaks TLS 1.2 and 1.3",
  ERR_TLS_HANDSHAKE_TIMEOUT: "it did not end the handshake in time",
  CERT_HAS_EXPIRED: "it showed a certificate that is not valid now: renew it, or set its clock",
  CERT_NOT_YET_VALID: "it showed a certificate that is not valid now: renew it, or set its clock",
  INVALID_PURPOSE: "it showed a certificate that is not for TLS clients: its extended key usage must allow clientAuth",
};

/** The alerts by which a client says that it does not like the certificate of the server. */
const DISTRUST = /_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|UNSUPPORTED_CERTIFICATE)$/;

/** Reads failures; knows the addresses of those whose sockets are gone by the time that they have failed. */
export class HandshakeReader {
  readonly #addresses = new WeakMap<TLSSocket, string>();

  /** The two sides have spoken and the socket is still there. */
  underWay(socket: TLSSocket): void {
    if (!this.#addresses.has(socket)) this.#addresses.set(socket, addressOf(socket));
  }

  /** Undefined for who came and went without a handshake: a probe of a load balancer does so every few seconds. */
  read(error: Error, socket: TLSSocket): FailedHandshake | undefined {
    const spoke = this.#addresses.get(socket);
    const peer = spoke ?? (socket.remoteAddress === undefined ? undefined : addressOf(socket));
    // Set by Node as it hangs up on a certificate; the error itself is then only that the socket was closed.
    const refused: unknown = socket.authorizationError;
    if (typeof refused === "string") {
      return {
        peer,
        reason: byCode[refused] ?? "it showed a certificate that no authority in --xds-client-ca has signed",
      };
    }
    const code = "code" in error ? String(error.code) : "";
    if (code === "ECONNRESET") {
      const reason =
        "it hung up in the handshake, as one does that does not trust --xds-cert: compare its CA and the name it expects";
      return spoke === undefined ? undefined : { peer, reason };
    }
    if (DISTRUST.test(code)) {
      const reason =
        "it does not trust the certificate of this port: compare its CA and the name it expects with --xds-cert";
      return { peer, reason };
    }
    return { peer, reason: byCode[code] ?? "its handshake broke off" };
  }
}
