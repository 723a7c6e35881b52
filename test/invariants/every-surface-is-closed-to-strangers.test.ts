/**
 * Invariant 11: every surface authenticates when it can be reached from outside; secrets go only to nodes
 * entitled to them, and into no log, dump or page.
 *
 * As long as there is no identity, nothing listens beyond loopback unless it is told to with its own flag,
 * and the admin API answers no foreign web page. A canary in the place of a private key is looked for in
 * everything that Fairway writes or answers, with the config right and wrong.
 */
import { execFile } from "node:child_process";
import { mkdir, readdir, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { ask } from "../../demo/kit/get.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { routes } from "../../src/admin/api-routes.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { pem as pemFile } from "../support/certificates.ts";
import { eventually, throughout } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { RunningPlane } from "./running-plane.ts";
import { XdsClient } from "./xds-client.ts";
import { fairwayMain } from "../../demo/kit/program.ts";

/** Runs a command to its end; everything that it wrote, and its exit code. */
async function run(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const ended = await promisify(execFile)(process.execPath, [fairwayMain, ...args]).catch((error: unknown) => error);
  const { code = 0, stdout, stderr } = ended as { code?: number; stdout: string; stderr: string };
  return { code, output: stdout + stderr };
}

describe("without --insecure-listen", () => {
  test.each(["--xds", "--admin"])("serve refuses to start with %s beyond loopback", async (flag) => {
    await using directory = await tempDir();
    const state = directory.join("state");
    const { code, output } = await run("serve", "--config", directory.path, "--state", state, flag, "0.0.0.0:0");
    expect(code).toBe(2);
    expect(output).toContain("--insecure-listen");
  });
});

describe("the admin API", () => {
  test.each([
    ["another Host", { host: "rebound.example" }],
    ["a foreign Origin", { origin: "https://example.com" }],
    ["an opaque Origin", { origin: "null" }],
    ["another site", { "sec-fetch-site": "cross-site" }],
    ["another port of this machine", { "sec-fetch-site": "same-site" }],
  ])("answers no request with %s, on no route", async (_, headers) => {
    await using running = await RunningPlane.start({ files: { "a.yaml": "services: {}" } });
    for (const { method, path } of [...routes, { method: "GET", path: "/none" } as const]) {
      expect(await running.ask(path, { method, headers }), path).toMatchObject({ status: 403 });
      expect((await running.ask(path, { method })).status, path).not.toBe(403);
    }
  });
});

describe("a private key", () => {
  const canary = "MIICANARYKEYthatNobodyMaySee";
  const pem = `-----BEGIN PRIVATE KEY-----\\n${canary}\\n-----END PRIVATE KEY-----\\n`;
  const nodes = `nodes: { edge: { match: { cluster: edge } }, inner: { match: { cluster: inner } } }
services: { plain: { endpoints: ["127.0.0.1:1"] } }
splits: { plain: { backends: { a: { service: plain }, b: { service: plain } }, default: { a: 1 } } }`;
  const secret = (body: string) => `${nodes}
resources:
  - "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
    name: server
    nodes: [edge]
    tls_certificate: { certificate_chain: { filename: /x.pem }, ${body} }
`;
  /** The same key where Envoy's API takes it without a Secret around it. */
  const inCluster = `  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: upstream
    nodes: [edge]
    transport_socket:
      name: tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context: { tls_certificates: [{ private_key: { inline_string: "${pem}" } }] }
`;
  const good = secret(`private_key: { inline_string: "${pem}" }`) + inCluster;
  const wrong = [
    secret(`private_kee: { inline_string: "${pem}" }`),
    secret(`private_key: "${canary}"`),
    secret(`private_key: { inline_bytes: "${canary} !" }`),
    secret(`private_key: { inline_string: "${canary}" "x" }`),
  ];

  /** Every route that reads, with everything that can be asked of it. */
  async function everything(fairway: Fairway): Promise<string> {
    const { groups } = await fairway.get<{ readonly groups: readonly { readonly current: { version: string } }[] }>(
      "/v1/snapshots",
    );
    const versions = groups.map(({ current }) => current.version);
    const urls = routes.flatMap(({ path }) => {
      if (path.startsWith("/v1/snapshots/")) return versions.flatMap((each) => withVersion(path, each));
      if (path === "/v1/explain") return ["edge", "inner"].map((group) => `${path}?url=http://a/&group=${group}`);
      if (path.includes("{name}")) return [path.replace("{name}", "plain")];
      if (path.endsWith("/{action}")) return [];
      if (path.includes("{split}")) return [path.replace("{split}", "plain")];
      return path.includes("{id}") ? ["edge-1", "inner-1"].map((id) => path.replace("{id}", id)) : [path];
    });
    const answers = await Promise.all(urls.map((url) => ask(fairway.adminPort, url)));
    // Only the confirmation, which is asked for with POST, is refused here.
    expect(answers.filter(({ status }) => status !== 200 && status !== 405)).toEqual([]);
    return answers.map(({ text, headers }) => JSON.stringify(headers) + text).join("\n");
  }

  const withVersion = (path: string, version: string) => {
    const url = path.replace("{version}", version);
    return [url, `${url}?include=resources`];
  };

  test("reaches the nodes entitled to it and nobody else, and no log, page, dump or diagnostic", async () => {
    await using directory = await tempDir();
    const [configDir, stateDir] = [directory.join("config"), directory.join("state")];
    await mkdir(configDir);
    const save = async (text: string) => {
      await writeFile(join(configDir, ".new"), text);
      await rename(join(configDir, ".new"), join(configDir, "secret.yaml"));
    };
    await save(good);
    await using fairway = await Fairway.start({ configDir, stateDir, args: ["--log-level=debug"] });
    const connect = (cluster: string) =>
      new XdsClient({ port: fairway.xdsPort, nodeId: `${cluster}-1`, cluster, acknowledges: true });
    using edge = connect("edge").ask(typeUrls.secret, "server");
    await edge.has(typeUrls.secret, "server");
    expect(Buffer.from(edge.holds.get(typeUrls.secret)?.get("server")?.bytes ?? []).toString()).toContain(canary);
    using inner = connect("inner").ask(typeUrls.secret, "server", "*").ask(typeUrls.secret);
    await inner.response(typeUrls.secret);
    await throughout("nothing for the other group", () => inner.names(typeUrls.secret).length === 0, 100);

    const started = await fetch(`http://127.0.0.1:${fairway.adminPort}/v1/rollouts`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ target: "x", plan: { split: "plain", canary: "b", steps: [{ approval: true }] } }),
    });
    expect(started.status).toBe(201);
    const shown = [await everything(fairway)];
    expect(shown[0]).toContain("[redacted]");
    for (const [index, text] of wrong.entries()) {
      await save(text);
      await eventually(
        "the refusal",
        () => fairway.logs().filter((line) => line.includes("config-refused")).length > index,
      );
      shown.push(await everything(fairway));
      await writeFile(directory.join(`wrong-${index}.yaml`), text);
    }
    const broken = wrong.map((_, index) => directory.join(`wrong-${index}.yaml`));
    const fine = directory.join("fine.yaml");
    await writeFile(fine, good);
    for (const output of ["text", "json"]) shown.push((await run("check", ...broken, "-o", output)).output);
    for (const output of ["yaml", "json"]) shown.push((await run("render", fine, "-o", output)).output);
    shown.push((await run("render", ...broken)).output);
    shown.push(...fairway.logs());
    expect(shown.filter((text) => text.includes("private_kee")).length).toBeGreaterThan(3);
    expect(shown.filter((text) => text.includes("CANARY"))).toEqual([]);
    for (const name of await readdir(stateDir)) {
      expect((await stat(join(stateDir, name))).mode & 0o077, `${name} is for its owner only`).toBe(0);
    }
  }, 60_000);

  test("in a file that config names goes to the groups that use it, whatever a node asks for, and nowhere else", async () => {
    const listener = (name: string, port: number) =>
      `{ nodes: ${name}, listeners: [{ name: https, port: ${port}, protocol: HTTPS, tls: { secret: ${name} } }] }`;
    const pair = (name: string, file: string) =>
      `  ${name}: { certificate: { file: certs/${file}.pem }, privateKey: { file: certs/${file}.key } }`;
    await using running = await RunningPlane.start({
      files: {
        "certs/one.pem": pemFile("one.pem"),
        "certs/one.key": pemFile("one.key"),
        "certs/two.pem": pemFile("two.pem"),
        "certs/two.key": pemFile("two.key"),
        "main.yaml": `${nodes}
gateways: { a: ${listener("edge", 10_001)}, b: ${listener("inner", 10_002)} }
secrets:
${pair("edge", "one")}
${pair("inner", "two")}
${pair("nobody", "one")}
`,
      },
    });
    await running.newVersion();
    const keys = { edge: pemFile("one.key"), inner: pemFile("two.key") };
    for (const [cluster, key] of Object.entries(keys)) {
      using client = running.connect({ nodeId: `${cluster}-1`, cluster, acknowledges: true });
      client.ask(typeUrls.secret, "edge", "inner", "nobody", "*");
      await client.has(typeUrls.secret, cluster);
      await throughout("its own secret alone", () => client.names(typeUrls.secret).join() === cluster, 100);
      const bytes = client.holds.get(typeUrls.secret)?.get(cluster)?.bytes ?? [];
      expect(Buffer.from(bytes).toString()).toContain(key);
    }
    // The pair does not fit any more: what is said about it holds neither key.
    await running.save(keys.inner, "certs/one.key");
    await running.event("config-refused");
    const version = running.version("edge");
    const pages = ["/v1/snapshots", `/v1/snapshots/${version}?include=resources`, "/v1/nodes", "/v1/events"];
    const shown = await Promise.all(pages.map(async (url) => (await running.ask(url)).text));
    shown.push(JSON.stringify(running.events));
    for (const key of Object.values(keys)) {
      const line = key.split("\n")[1] ?? "";
      expect(shown.filter((text) => text.includes(line))).toEqual([]);
    }
  });
});
