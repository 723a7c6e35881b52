/** Certificates that have expired between Fairway and a real etcd: it says which one and until when, and goes on with another. */
import { copyFile, writeFile } from "node:fs/promises";
import { test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { ask } from "../../demo/kit/get.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import type { CertificateFiles } from "./certificates.ts";
import { makeCertificates, sign } from "./certificates.ts";

/** What was renewed, or has expired, lies where the other one was. */
async function replace(files: CertificateFiles, by: CertificateFiles): Promise<void> {
  await copyFile(by.certFile, files.certFile);
  await copyFile(by.keyFile, files.keyFile);
}

test("a certificate of etcd or of Fairway that has expired is named with its end, and another one in its file is used without a restart", async () => {
  await using directory = await tempDir();
  const server = await makeCertificates(directory.path);
  const client = await sign(directory.path, "client", 2);
  const good = { server: await sign(directory.path, "server-2", 2), client: await sign(directory.path, "client-2", 2) };
  const expired = await sign(directory.path, "expired", -1);
  await using etcd = await EtcdCluster.start({ tls: server });
  await writeFile(directory.join("main.yaml"), "services: { shop: { discovery: { etcd: {} } } }");
  await using fairway = await Fairway.start({
    configDir: directory.join("main.yaml"),
    stateDir: directory.join("state"),
    args: [
      ["--etcd", `https://${etcd.first.endpoint}`, "--etcd-ca", server.caFile],
      ["--etcd-cert", client.certFile, "--etcd-key", client.keyFile],
    ].flat(),
  });
  const readiness = async () => (await ask(fairway.adminPort, "/readyz")).text;
  const rounds = [
    { files: server, good: good.server, text: /its certificate \(CN=expired\) was valid until \d{4}-.*Z/ },
    {
      files: client,
      good: good.client,
      text: /the certificate that is shown to it \(CN=expired\) was valid until \d{4}-/,
    },
  ];
  for (const round of rounds) {
    await replace(round.files, expired);
    // Connections that are open stay.
    await etcd.first.killed();
    await etcd.first.restart();
    await eventually("the reason in /readyz", async () => round.text.test(await readiness()), { timeoutMs: 30_000 });
    // It may have begun with a connection that ended, which was told before.
    await fairway.waitForLog(new RegExp(`"kind":"etcd-contact".*${round.text.source}`));
    await replace(round.files, round.good);
    await eventually("contact", async () => JSON.parse(await readiness()).status === "ready", { timeoutMs: 40_000 });
  }
});
