/**
 * Which certificate it is that keeps a connection to etcd from being made, and since when; asked after a failure.
 *
 * grpc-js says at most that some certificate has expired, and of ours that the connection was reset: etcd hangs up.
 */
import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";

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
