/**
 * A client of HTTPS that says which certificate it was shown: one of those of the tests, or it does not connect.
 */
import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { connect } from "node:tls";
import type { CertificateName } from "./certificates.ts";
import { pem } from "./certificates.ts";

/** A connection that is made. */
export async function openTls(port: number, servername: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername, ca: pem("ca.pem"), ALPNProtocols: ["http/1.1"] });
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** The status line that a request on this connection gets. */
export async function askOn(socket: TLSSocket, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once("data", (bytes) => resolve(bytes.toString().split("\r\n")[0] ?? ""));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed")));
    socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  });
}

/** The serial number that a new connection is shown, after a request was answered on it. */
export async function shownCertificate(port: number, servername: string): Promise<string> {
  const socket = await openTls(port, servername);
  const answer = await askOn(socket, servername);
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  if (!answer.includes("200")) throw new Error(answer);
  return serialNumber;
}

export const serialOf = (name: CertificateName): string => new X509Certificate(pem(`${name}.pem`)).serialNumber;
