/** Who may do what with secrets in a real etcd that has users: rights on them are given apart from those on config. */
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { ask } from "../../demo/kit/get.ts";
import { prefixEnd } from "../../src/etcd/prefix-end.ts";
import { certificatesDir } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { ranWith } from "./fairway-command.ts";
import { postToEtcd } from "./gateway.ts";

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString("base64");

/** Gives a right on everything below a prefix; after users are asked for, as root. */
async function grant(endpoint: string, role: string, permType: "READ" | "READWRITE", prefix: string, token?: string) {
  const perm = { permType, key: base64(prefix), range_end: base64(prefixEnd(prefix)) };
  await postToEtcd(endpoint, "auth/role/grant", { name: role, perm }, token);
}

/** Each user has a role of the same name, and the password `secret`. */
async function addUsers(endpoint: string, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await postToEtcd(endpoint, "auth/user/add", { name, password: "secret" });
    await postToEtcd(endpoint, "auth/role/add", { name });
    await postToEtcd(endpoint, "auth/user/grant", { user: name, role: name });
  }
}

test("who renews secrets may write them alone, who checks or pushes need not see them, and a Fairway that may not says so until it may", async () => {
  await using directory = await tempDir();
  await using etcd = await EtcdCluster.start();
  const { endpoint } = etcd.first;
  await addUsers(endpoint, "root", "fairway", "renewer", "pusher");
  // As docs/etcd.md has it, but for the secrets.
  for (const own of ["schema", "served/", "state/", "replicas/", "fleet/", "groups/"]) {
    await grant(endpoint, "fairway", "READWRITE", `/fairway/${own}`);
  }
  for (const read of ["/services/", "/fairway/config/"]) await grant(endpoint, "fairway", "READ", read);
  await grant(endpoint, "renewer", "READWRITE", "/fairway/secrets/shop/");
  for (const own of ["/fairway/config/", "/fairway/schema"]) await grant(endpoint, "pusher", "READWRITE", own);
  await postToEtcd(endpoint, "auth/enable", {});
  const as = (user: string, ...args: readonly string[]) =>
    ranWith({ FAIRWAY_ETCD: `http://${endpoint}`, FAIRWAY_ETCD_USER: user, FAIRWAY_ETCD_PASSWORD: "secret" }, ...args);

  const pair = [`shop/tls.crt=${certificatesDir}/one.pem`, `shop/tls.key=${certificatesDir}/one.key`];
  expect(await as("renewer", "put-secret", ...pair)).toMatchObject({ code: 0 });
  const elsewhere = await as("renewer", "put-secret", ...pair.map((each) => `other-${each}`));
  expect(elsewhere).toMatchObject({ code: 1, text: expect.stringContaining("permission denied") as string });

  const text = `
services: { shop: { endpoints: ["10.0.0.1:80"], tls: { ca: shop-ca, clientCertificate: shop } } }
gateways: { edge: { listeners: [{ name: http, port: 10000 }] } }
routes: { all: { rules: [{ backends: [{ service: shop }] }] } }
secrets:
  shop: { certificate: { fromEtcd: shop/tls.crt }, privateKey: { fromEtcd: shop/tls.key } }
  shop-ca: { ca: { file: ${certificatesDir}/ca.pem } }
`;
  await writeFile(directory.join("main.yaml"), text);
  const pushed = await as("pusher", "push", directory.path);
  expect(pushed).toMatchObject({ code: 0, text: expect.stringContaining("was not examined") as string });

  await using fairway = await Fairway.start({
    configDir: [],
    stateDir: directory.join("state"),
    args: ["--etcd", `http://${endpoint}`, "--etcd-user", "fairway"],
    env: { FAIRWAY_ETCD_PASSWORD: "secret" },
    waitForReady: false,
  });
  const readiness = async () => (await ask(fairway.adminPort, "/readyz")).text;
  await eventually("the reason", async () => /main\.yaml@\d+:6:36.*permission denied/.test(await readiness()), {
    timeoutMs: 20_000,
  });
  await fairway.waitForLog(/"etcd-contact".*"\/fairway\/secrets\/".*permission denied/);
  const { token } = await postToEtcd(endpoint, "auth/authenticate", { name: "root", password: "secret" });
  await grant(endpoint, "fairway", "READ", "/fairway/secrets/", token);
  await fairway.ready();
});
