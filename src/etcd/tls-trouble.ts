/**
 * Which certificate it is that keeps a connection to etcd from being made, and since when; asked after a failure.
 *
 * Or that etcd has no TLS at all. grpc-js says at most that some certificate has expired, and of ours that the connection was reset: etcd hangs up.
 */
import { X509Certificate } from "node:crypto";
import { connect as connectPlain } from "node:net";
import { connect } from "node:tls";

/** A frame of HTTP/2 has its type behind its length; both sides begin with settings (RFC 9113, 3.4 and 4.1). */
const FRAME_TYPE_AT = 3;
const SETTINGS = 4;
const GREETING = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]),
]);

/** PEM, as it is read from files. */
export interface EtcdTls {
  readonly ca?: Buffer;
  readonly certificate?: Buffer;
  readonly key?: Buffer;
}

/** A server that takes the connection answers in this time, or is not asked about its certificate. */
const LOOK_MS_MAX = 1_000;

/** Undefined when both are valid now, or theirs cannot be seen. */
export async function tlsTrouble(endpoint: string, tls: EtcdTls, nowMs: number): Promise<string | undefined> {
  if (tls.certificate !== undefined) {
    const own = invalidity(new X509Certificate(tls.certificate), nowMs);
    if (own !== undefined) return `the certificate that is shown to it (${own.subject}) ${own.problem}`;
  }
  const certificate = await certificateOf(endpoint, tls);
  if (certificate === undefined && (await isPlain(endpoint))) return "it speaks without TLS: write http://";
  const theirs = certificate && invalidity(certificate, nowMs);
  return theirs && `its certificate (${theirs.subject}) ${theirs.problem}`;
}

function invalidity(
  { validFromDate, validToDate, subject }: X509Certificate,
  nowMs: number,
): { readonly subject: string; readonly problem: string } | undefined {
  const named = { subject: subject.replaceAll("\n", ", ") };
  if (validToDate.getTime() < nowMs) return { ...named, problem: `was valid until ${validToDate.toISOString()}` };
  if (validFromDate.getTime() > nowMs)
    return { ...named, problem: `is not valid before ${validFromDate.toISOString()}` };
  return undefined;
}

/** What the server shows, whether it is to be trusted or not; nothing is sent to it. */
function certificateOf(endpoint: string, { ca, certificate, key }: EtcdTls): Promise<X509Certificate | undefined> {
  const { hostname, port } = new URL(`https://${endpoint}`);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replaceAll(/^\[|\]$/g, ""),
      port: Number(port),
      rejectUnauthorized: false,
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key }),
    });
    const end = (found?: X509Certificate) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    };
    const timer = setTimeout(end, LOOK_MS_MAX);
    socket.on("secureConnect", () => end(socket.getPeerX509Certificate()));
    socket.on("error", () => end());
  });
}

/** Whether it answers the greeting of HTTP/2 without TLS; one that speaks TLS answers with an alert. */
function isPlain(endpoint: string): Promise<boolean> {
  const { hostname, port } = new URL(`https://${endpoint}`);
  return new Promise((resolve) => {
    const socket = connectPlain({ host: hostname.replaceAll(/^\[|\]$/g, ""), port: Number(port) });
    const end = (isAnswer: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isAnswer);
    };
    const timer = setTimeout(end, LOOK_MS_MAX, false);
    socket.on("connect", () => socket.write(GREETING));
    socket.on("data", (bytes) => end(bytes[FRAME_TYPE_AT] === SETTINGS));
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
  });
}
