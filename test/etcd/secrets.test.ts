/** Secrets in a real etcd: what replicas and a real Envoy do when they are renewed, do not fit, go, or cannot be read. */
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { ask } from "../../demo/kit/get.ts";
import { certificatesDir, pem } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { askOn, openTls, serialOf, shownCertificate } from "../support/https-client.ts";
import { tempDir } from "../support/temp-dir.ts";
import { ran, ranWith } from "./fairway-command.ts";
import { Replicas } from "./replicas.ts";

const CERTIFICATE = "/fairway/secrets/shop/tls.crt";
const KEY = "/fairway/secrets/shop/tls.key";
const CLIENTS = "/fairway/secrets/shop/clients";
const CLIENT_KEY = "2f6b9c0d4e-nobody-may-read-this";

/** In etcd before anything starts. */
const keys = { [CERTIFICATE]: pem("one.pem"), [KEY]: pem("one.key"), [CLIENTS]: `partner:${CLIENT_KEY}\n` };

const config = ({ port }: { readonly port: number }): string => `
nodes:
  edge: { match: { id: [edge-1, edge-2] } }
  inner: { match: { id: inner-1 } }
gateways:
  edge:
    nodes: edge
    listeners:
      - { name: https, port: ${port}, address: 127.0.0.1, protocol: HTTPS, hostnames: [one.test], tls: { secret: shop } }
  inner: { nodes: inner, listeners: [{ name: http, port: 10000 }] }
services:
  shop: { discovery: { etcd: {} } }
routes:
  all: { rules: [{ matches: [{ path: /partner }], filters: [{ apiKey: { keys: [clients], from: { headers: [x-key] } } }], backends: [{ service: shop }] }, { backends: [{ service: shop }] }] }
secrets:
  shop: { certificate: { fromEtcd: shop/tls.crt }, privateKey: { fromEtcd: shop/tls.key } }
  clients: { apiKeys: { fromEtcd: shop/clients } }
`;

interface Refused {
  readonly refused?: {
    readonly diagnostics: readonly {
      readonly code: string;
      readonly message: string;
      readonly at: { readonly file: string; readonly line: number };
    }[];
  };
}

interface GroupsView {
  readonly groups: readonly { readonly group: string; readonly current?: { readonly version: string } }[];
}

interface SnapshotView {
  readonly types: { readonly secrets?: { readonly resources: readonly { readonly name: string }[] } };
}

/** Codes and messages of what is refused now. */
async function refusedBy(fairway: Fairway): Promise<readonly string[]> {
  const { refused } = await fairway.get<Refused>("/v1/snapshots");
  return (refused?.diagnostics ?? []).map(({ code, message, at }) => `${code} ${at.line} ${message}`);
}

const shown = (replicas: Replicas) => shownCertificate(replicas.port, "one.test");

/** What can be read of a running Fairway, all in one text. */
async function everythingShown({ adminPort }: Fairway, versions: string): Promise<string> {
  const snapshots = versions.split(", ").map((each) => `/v1/snapshots/${each.split(" ")[1]}?include=resources`);
  const paths = ["/v1/snapshots", "/v1/events", "/v1/nodes", "/v1/replicas", "/metrics", "/readyz", ...snapshots];
  const answers = await Promise.all(paths.map((path) => ask(adminPort, path)));
  for (const [index, { status }] of answers.entries()) expect([paths[index], status]).toEqual([paths[index], 200]);
  return answers.map(({ text }) => text).join("\n");
}

test("a renewed pair is live on all replicas within seconds with no failed request; one that does not fit keeps the old one; only the nodes that use it have it, and nobody is shown it", async () => {
  await using replicas = await Replicas.start({ keys, config });
  const before = await replicas.agree();
  const failures: string[] = [];
  const seen = new Set<string>();
  let isAsking = true;
  let asked = 0;
  const load = [1, 2, 3].map(async () => {
    while (isAsking) {
      asked += 1;
      await shown(replicas).then(
        (serial) => seen.add(serial),
        (error: unknown) => failures.push(String(error)),
      );
    }
  });
  const kept = await openTls(replicas.port, "one.test");
  await eventually("load", () => asked > 20);
  expect(await shown(replicas)).toBe(serialOf("one"));
  const partner = async (headers: Readonly<Record<string, string>>) => {
    const line = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = await openTls(replicas.port, "one.test");
    return new Promise<string>((resolve) => {
      socket.once("data", (bytes) => resolve(bytes.toString().split(" ")[1] ?? ""));
      socket.write(`GET /partner HTTP/1.1\r\nhost: one.test\r\nconnection: close\r\n${line.join("")}\r\n`);
    });
  };
  expect([await partner({}), await partner({ "x-key": CLIENT_KEY })]).toEqual(["401", "200"]);

  // The key alone: half of a renewal.
  await replicas.put(KEY, pem("one-renewed.key"));
  for (const { fairway } of replicas.all) {
    await eventually("the refusal", async () => (await refusedBy(fairway)).length > 0);
    expect(await refusedBy(fairway)).toEqual([
      `invalid-secret 16 etcd:${KEY} holds a key that does not belong to the certificate`,
    ]);
  }
  expect(await shown(replicas)).toBe(serialOf("one"));
  expect(await replicas.agree()).toBe(before);

  const renewedMs = performance.now();
  await replicas.put(CERTIFICATE, pem("one-renewed.pem"));
  await eventually("the new certificate", async () => (await shown(replicas)) === serialOf("one-renewed"));
  expect(performance.now() - renewedMs).toBeLessThan(10_000);
  const renewed = await replicas.agree(before);
  for (const { fairway } of replicas.all) expect(await refusedBy(fairway)).toEqual([]);

  // Both in one step, by the command: nobody sees a moment between, however long it takes.
  const url = `http://${replicas.etcd.first.endpoint}`;
  const files = [`shop/tls.crt=${certificatesDir}/one.pem`, `shop/tls.key=${certificatesDir}/one.key`];
  const put = await ran("put-secret", "--etcd", url, ...files);
  expect(put.text).toMatch(/^revision \d+:\n {2}\/fairway\/secrets\/shop\/tls.crt has the content of .*one.pem/);
  await eventually("the first certificate again", async () => (await shown(replicas)) === serialOf("one"));
  expect(await replicas.agree(renewed)).toBe(before);
  const wrong = await ran("put-secret", "--etcd", url, files[0] ?? "", `shop/tls.key=${certificatesDir}/two.key`);
  expect([wrong.code, wrong.text]).toEqual([2, expect.stringContaining("does not belong to the certificate")]);

  isAsking = false;
  await Promise.all(load);
  expect(failures).toEqual([]);
  expect(seen).toEqual(new Set([serialOf("one"), serialOf("one-renewed")]));
  expect(await askOn(kept, "one.test")).toContain("200");
  kept.destroy();
  expect(await replicas.envoy.counter("listener_manager.listener_modified")).toBe(0);

  const [edge, inner] = before.split(", ").map((each) => each.split(" ")[1]);
  const { fairway } = replicas.at(0);
  const secretsOf = async (version: string | undefined) => {
    const { types } = await fairway.get<SnapshotView>(`/v1/snapshots/${version}?type=secrets`);
    return types.secrets?.resources.map(({ name }) => name) ?? [];
  };
  expect([await secretsOf(edge), await secretsOf(inner)]).toEqual([["shop"], []]);

  const end = (year: number) =>
    `fairway_certificate_not_after_timestamp_seconds{secret="shop"} ${Date.UTC(year, 0, 1) / 1_000}`;
  const metrics = async () => (await ask(fairway.adminPort, "/metrics")).text;
  expect(await metrics()).toContain(end(2120));
  const texts = await Promise.all(replicas.all.map((each) => everythingShown(each.fairway, before)));
  const logs = replicas.all.flatMap((each) => each.fairway.logs());
  const everything = [...texts, ...logs, put.text, wrong.text].join("\n");
  expect(everything).toContain("[redacted]");
  expect(everything).toContain(KEY);
  for (const secret of [CLIENT_KEY, ...privateLines("one.key"), ...privateLines("one-renewed.key")]) {
    expect(everything).not.toContain(secret);
  }
  await ran("put-secret", "--etcd", url, ...files.map((each) => each.replace("/one.", "/expired.")));
  await eventually("the end of the expired one", async () => (await metrics()).includes(end(2021)));
});

/** The lines of a key that are secret. */
function privateLines(file: Parameters<typeof pem>[0]): readonly string[] {
  return pem(file).trim().split("\n").slice(1, -1);
}

test("a key that is deleted keeps what is served, also over a restart; while etcd is away Envoys come and get it, and a restart serves it", async () => {
  await using replicas = await Replicas.start({ keys, config, count: 1 });
  const before = await replicas.agree();
  const { fairway } = replicas.at(0);
  await replicas.remove(KEY);
  const missing = `secret-missing 16 there is no key etcd:${KEY}`;
  await eventually("the refusal", async () => (await refusedBy(fairway)).join() === missing);
  await fairway.restart({ waitForReady: false });
  // Before it has read all of etcd it may have another reason.
  await eventually("the refusal", async () => (await refusedBy(fairway)).join() === missing, { timeoutMs: 30_000 });
  expect(await replicas.versions(0)).toBe(before);
  expect(await shown(replicas)).toBe(serialOf("one"));
  await replicas.put(KEY, pem("one.key"));
  await eventually("no refusal", async () => (await refusedBy(fairway)).length === 0);
  expect(await replicas.versions(0)).toBe(before);

  await replicas.etcd.first.killed();
  await eventually("that etcd is missed", async () =>
    (await ask(fairway.adminPort, "/readyz")).text.includes("/fairway/secrets/"),
  );
  await using late = await Envoy.start({ xdsPort: fairway.xdsPort, nodeId: "edge-2", api: "sotw" });
  await late.ready();
  expect(await late.counter("listener_manager.total_listeners_active")).toBe(1);
  await fairway.restart({ waitForReady: false });
  await eventually("what was served", async () => (await replicas.versions(0)) === before, { timeoutMs: 20_000 });
  await eventually(
    "the reason",
    async () => (await ask(fairway.adminPort, "/readyz")).text.includes("waits for etcd"),
    {
      timeoutMs: 20_000,
    },
  );
  expect(await shown(replicas)).toBe(serialOf("one"));

  await replicas.etcd.first.restart();
  await replicas.client.transact(
    [],
    [
      { kind: "put", key: CERTIFICATE, value: Buffer.from(pem("one-renewed.pem")) },
      { kind: "put", key: KEY, value: Buffer.from(pem("one-renewed.key")) },
    ],
  );
  await eventually("the new certificate", async () => (await shown(replicas)) === serialOf("one-renewed"), {
    timeoutMs: 30_000,
  });
});

test("config in files names keys of etcd; without one it is refused, and the commands that look say what they did not read", async () => {
  await using directory = await tempDir();
  await writeFile(directory.join("main.yaml"), config({ port: 10_443 }));
  const files = directory.join("main.yaml");
  await using alone = await Fairway.start({
    configDir: files,
    stateDir: directory.join("alone"),
    waitForReady: false,
  });
  await eventually("the refusal", async () => (await refusedBy(alone)).length > 0);
  const secretsOnly = (await refusedBy(alone)).filter((line) => line.includes("/fairway/secrets/"));
  expect(secretsOnly).toEqual([
    `etcd-missing 16 etcd:${CERTIFICATE} is in etcd, and Fairway was started without one`,
    `etcd-missing 16 etcd:${KEY} is in etcd, and Fairway was started without one`,
    `etcd-missing 17 etcd:${CLIENTS} is in etcd, and Fairway was started without one`,
  ]);

  await using etcd = await EtcdCluster.start();
  const url = `http://${etcd.first.endpoint}`;
  const unread = await ran("check", files);
  expect(unread.code).toBe(0);
  expect(unread.text).toContain(`  etcd:${KEY}`);
  const missing = await ran("check", files, "--etcd", url);
  expect(missing.code).toBe(2);
  expect(missing.text).toContain(`there is no key etcd:${KEY}`);
  expect(missing.text).toContain("fairway put-secret shop/tls.key=FILE");
  await writeFile(directory.join("clients"), `partner:${CLIENT_KEY}\n`);
  const put = await ran(
    ...["put-secret", "--etcd", url, `shop/clients=${directory.join("clients")}`],
    ...[`shop/tls.crt=${certificatesDir}/one.pem`, `shop/tls.key=${certificatesDir}/one.key`],
  );
  expect(put.code).toBe(0);
  const read = await ran("check", files, "--etcd", url);
  expect([read.code, read.text]).toEqual([0, expect.not.stringContaining("not examined")]);
  const rendered = await ran("render", files, "--group", "edge");
  expect(rendered.code).toBe(0);
  expect(rendered.text).toContain("[redacted]");
  const explained = await ran("explain", "GET", "https://one.test/", "--config", files, "--group", "edge");
  expect([explained.code, explained.text]).toEqual([0, expect.stringContaining("shop")]);

  await using fairway = await Fairway.start({
    configDir: files,
    stateDir: directory.join("state"),
    args: ["--etcd", url],
  });
  expect(await refusedBy(fairway)).toEqual([]);
  const { groups } = await fairway.get<GroupsView>("/v1/snapshots");
  for (const { group, current } of groups) {
    expect(read.text).toMatch(new RegExp(`group ${group}: \\d+ resources, version ${current?.version}`));
  }

  await etcd.first.killed();
  await fairway.restart({ waitForReady: false });
  await eventually("the reason", async () => (await refusedBy(fairway)).length > 0, { timeoutMs: 20_000 });
  expect((await refusedBy(fairway))[0]).toMatch(/^etcd-unreachable 16 etcd:\S*tls.crt was not read: /);
  const restored = await fairway.get<GroupsView>("/v1/snapshots");
  expect(restored.groups.map(({ current }) => current?.version)).toEqual(groups.map(({ current }) => current?.version));
  await etcd.first.restart();
  await eventually("no refusal", async () => (await refusedBy(fairway)).length === 0, { timeoutMs: 30_000 });
});

test("examples/etcd-secrets is taken by an Envoy when its keys are put as its README does", async () => {
  await using directory = await tempDir();
  await using etcd = await EtcdCluster.start();
  const url = `http://${etcd.first.endpoint}`;
  const readme = await readFile("examples/etcd-secrets/README.md", "utf8");
  const commands = readme.split("\n").filter((line) => line.startsWith("fairway put-secret "));
  expect(commands.length).toBe(2);
  for (const command of commands) {
    expect(await ranWith({ FAIRWAY_ETCD: url }, ...command.split(" ").slice(1))).toMatchObject({ code: 0 });
  }
  await using fairway = await Fairway.start({
    configDir: "examples/etcd-secrets",
    stateDir: directory.join("state"),
    args: ["--etcd", url],
  });
  await using envoy = await Envoy.start({ xdsPort: fairway.xdsPort, nodeId: "edge-1", api: "delta" });
  await envoy.ready();
  expect(await envoy.counter("listener_manager.total_listeners_active")).toBe(1);
  expect(await envoy.counter("listener_manager.lds.update_rejected")).toBe(0);
});
