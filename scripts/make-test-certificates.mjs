/**
 * Makes the certificates of the examples and of the tests: `node scripts/make-test-certificates.mjs`, with openssl.
 *
 * They are checked in, keys and all, and valid from 2020 for a hundred years, so that no test ends with a
 * certificate. Nobody trusts them. What is there is not made again: the golden of the example has its hash.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { progress, root } from "./project.mjs";

/** @typedef {{ readonly folder: string, readonly name: string, readonly hostname?: string, readonly uri?: string, readonly until?: number, readonly key?: readonly string[] }} Wanted */

const mesh = "examples/service-to-service-mtls/certs";

/** One without a hostname is an authority, which signs those after it. @type {readonly Wanted[]} */
const wanted = [
  { folder: "examples/tls/certs", name: "internal-ca" },
  { folder: "examples/tls/certs", name: "example-com", hostname: "example.com" },
  { folder: "examples/tls/certs", name: "api-example-com", hostname: "api.example.com" },
  { folder: mesh, name: "mesh-ca" },
  { folder: mesh, name: "shop", hostname: "shop.internal", uri: "spiffe://fleet.example/shop" },
  { folder: mesh, name: "payments", hostname: "payments.internal", uri: "spiffe://fleet.example/payments" },
  { folder: "examples/oidc/certs", name: "ca" },
  { folder: "examples/oidc/certs", name: "shop", hostname: "shop.example.com" },
  { folder: "test/certificates", name: "ca" },
  { folder: "test/certificates", name: "one", hostname: "one.test" },
  { folder: "test/certificates", name: "one-renewed", hostname: "one.test" },
  { folder: "test/certificates", name: "two", hostname: "two.test" },
  { folder: "test/certificates", name: "expired", hostname: "one.test", until: 2021 },
  // Keys that Envoy refuses, and one that it takes.
  { folder: "test/certificates", name: "p224", hostname: "one.test", key: curve("P-224") },
  { folder: "test/certificates", name: "secp256k1", hostname: "one.test", key: curve("secp256k1") },
  { folder: "test/certificates", name: "p384", hostname: "one.test", key: curve("P-384") },
  { folder: "test/certificates", name: "ed448", hostname: "one.test", key: ["ED448"] },
  { folder: "test/certificates", name: "ed25519", hostname: "one.test", key: ["ED25519"] },
  { folder: "test/certificates", name: "other-ca" },
];

const work = mkdtempSync(join(tmpdir(), "certificates-"));
const settings = join(work, "settings");
writeFileSync(
  settings,
  `[ca]\ndefault_ca = test\n[test]\ndatabase = ${work}/index\nnew_certs_dir = ${work}\ndefault_md = sha256\n` +
    `policy = any\nrand_serial = yes\nunique_subject = no\n[any]\ncommonName = supplied\n[req]\ndistinguished_name = any\n`,
);
writeFileSync(join(work, "index"), "");
let signer = "";
for (const { folder, name, hostname, uri, until = 2120, key = curve("P-256") } of wanted) {
  const path = join(root, folder, name);
  if (hostname === undefined) signer = path;
  if (existsSync(`${path}.pem`)) continue;
  mkdirSync(join(root, folder), { recursive: true });
  const request = join(work, "request");
  const extensions = join(work, "extensions");
  writeFileSync(
    extensions,
    hostname === undefined
      ? "basicConstraints = CA:TRUE\n"
      : `subjectAltName = DNS:${hostname}${uri === undefined ? "" : `,URI:${uri}`}\n`,
  );
  const subject = `/CN=Fairway test ${hostname ?? name}`;
  openssl("genpkey", "-algorithm", ...key, "-out", `${path}.key`);
  openssl("req", "-new", "-config", settings, "-key", `${path}.key`, "-out", request, "-subj", subject);
  const by =
    hostname === undefined
      ? ["-selfsign", "-keyfile", `${path}.key`]
      : ["-cert", `${signer}.pem`, "-keyfile", `${signer}.key`];
  const dates = ["-startdate", "20200101000000Z", "-enddate", `${until}0101000000Z`];
  openssl(
    ...["ca", "-batch", "-config", settings, "-notext", "-in", request, "-out", `${path}.pem`],
    ...["-extfile", extensions, ...by, ...dates],
  );
  progress(`${folder}/${name}.pem`);
}
rmSync(work, { recursive: true });

/** @param {string} name */
function curve(name) {
  return ["EC", "-pkeyopt", `ec_paramgen_curve:${name}`];
}

/** @param {readonly string[]} args */
function openssl(...args) {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}
