/** Certificates that openssl makes for one test: an authority, and what it signs for this machine, for servers and clients alike. */
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

export interface CertificateFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** An authority, with one certificate that is good for two days. */
export async function makeCertificates(directory: string): Promise<CertificateFiles> {
  openssl(directory, "req", "-x509", ...KEY, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2");
  return sign(directory, "own", 2);
}

/** Another one of the authority; with -1 days it ended yesterday. */
export async function sign(directory: string, name: string, days: number): Promise<CertificateFiles> {
  openssl(directory, "req", ...KEY, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
  await writeFile(`${directory}/${name}.ext`, "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n");
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", `${name}.ext`];
  openssl(directory, "x509", "-req", "-in", `${name}.csr`, "-out", `${name}.pem`, ...signed, "-days", String(days));
  return {
    caFile: `${directory}/ca.pem`,
    certFile: `${directory}/${name}.pem`,
    keyFile: `${directory}/${name}.key`,
  };
}

function openssl(directory: string, ...args: readonly string[]): void {
  execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
}
