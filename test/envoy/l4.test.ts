/**
 * TCP and TLS that a real Envoy passes on unread: by port, by weight, and by the name that the client asks for.
 */
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import type { TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { CertificateName } from "../support/certificates.ts";
import { certificatesDir, pem } from "../support/certificates.ts";
import { tempDir } from "../support/temp-dir.ts";
import { startEcho } from "./l4-servers.ts";
import { startScene } from "./scene.ts";

const serialOf = (name: CertificateName) => new X509Certificate(pem(`${name}.pem`)).serialNumber;

test("behind one port each name is shown the certificate of whoever is asked for, from the endpoints themselves or from the Envoy, and a name that nobody has is turned away", async () => {
  await using one = await startEcho("one", "one");
  await using other = await startEcho("other", "two");
  await using inside = await startEcho("inside");
  const file = (kind: string) => `{ nodeFile: ${certificatesDir}/one-renewed.${kind} }`;
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public:
    listeners:
      - { name: passed, port: ${port}, address: 127.0.0.1, protocol: TLS, tls: { mode: passthrough }, hostnames: ["*.test"] }
      - { name: ended, port: ${port}, address: 127.0.0.1, protocol: TLS, hostnames: [inside.test], tls: { secret: ours } }
      - { name: web, port: ${port}, address: 127.0.0.1, protocol: HTTPS, hostnames: [web.test], tls: { secret: ours } }
services:
  one: { endpoints: ["${one.address}"] }
  other: { endpoints: ["${other.address}"] }
  inside: { endpoints: ["${inside.address}"] }
  web: { endpoints: ["${backends[0]}"] }
secrets: { ours: { certificate: ${file("pem")}, privateKey: ${file("key")} } }
tlsRoutes:
  one: { gateways: [public/passed], hostnames: [one.test], backends: [{ service: one }] }
  other: { gateways: [public/passed], hostnames: ["*.test"], backends: [{ service: other }] }
  inside: { gateways: [public/ended], backends: [{ service: inside }] }
routes: { web: { gateways: [public/web], rules: [{ backends: [{ service: web }] }] } }
`,
  });
  const { port } = scene;
  // The listener has its certificates.
  await scene.envoy.ready();
  expect(await greeting(port, "one.test")).toEqual({ serial: serialOf("one"), label: "one" });
  expect(await greeting(port, "two.test"), "by the wildcard").toEqual({ serial: serialOf("two"), label: "other" });
  expect(await greeting(port, "inside.test")).toEqual({ serial: serialOf("one-renewed"), label: "inside" });
  const web = await openTls(port, "web.test");
  web.write("GET / HTTP/1.1\r\nhost: web.test\r\nconnection: close\r\n\r\n");
  expect(await text(web)).toContain("200 OK");
  await expect(openTls(port, "one.example"), "a name that nobody has").rejects.toThrow(/ECONNRESET|socket/);
  await expect(openTls(port, undefined), "no name").rejects.toThrow(/ECONNRESET|socket/);
  using plain = raw(port);
  plain.socket.write("GET / HTTP/1.1\r\n\r\n");
  expect(await text(plain.socket).catch(() => ""), "no TLS").toBe("");
  expect(one.connections() + other.connections()).toBe(2);
  expect(await scene.envoy.counter(`listener.127.0.0.1_${port}.no_filter_chain_match`)).toBe(3);
});

test("connections are divided by weight, end when they are idle or too many, and a new weight is for new ones: what was open lives for the drain time, and on other ports longer", async () => {
  await using directory = await tempDir();
  await using a = await startEcho("a");
  await using b = await startEcho("b");
  const [steady = 0, idle = 0, broken = 0, hashed = 0, dead = 0] = await Promise.all(
    Array.from({ length: 5 }, () => freePort()),
  );
  const [all, failed] = [directory.join("all.log"), directory.join("failed.log")];
  const at = (port: number) => `port: ${port}, address: 127.0.0.1, protocol: TCP`;
  const config = (port: number, weights: readonly [number, number]) => `
gateways:
  public:
    listeners:
      - { name: shared, ${at(port)} }
      - { name: steady, ${at(steady)}, connectionLimit: { maxConnections: 1 } }
      - { name: idle, ${at(idle)} }
      - { name: broken, ${at(broken)} }
      - { name: hashed, ${at(hashed)} }
    accessLogs: [{ file: ${all} }, { file: ${failed}, only: { errors: true } }]
    drain: { time: 2s }
services:
  a: { endpoints: ["${a.address}"] }
  b: { endpoints: ["${b.address}"] }
  half: { endpoints: ["127.0.0.1:${dead}", "${weights[0] === 0 ? a.address : b.address}"] }
  both: { endpoints: ["${a.address}", "${b.address}"], loadBalancer: { policy: MAGLEV, hashOn: [{ sourceIp: true }] } }
  dead: { endpoints: ["127.0.0.1:${dead}"] }
tcpRoutes:
  shared:
    gateways: [public/shared]
    backends: [{ service: a, weight: ${weights[0]} }, { service: b, weight: ${weights[1]} }]
  steady: { gateways: [public/steady], backends: [{ service: half }], maxConnectAttempts: 2 }
  idle: { gateways: [public/idle], backends: [{ service: a }], timeouts: { idle: 300ms } }
  broken: { gateways: [public/broken], backends: [{ service: dead }] }
  hashed: { gateways: [public/hashed], backends: [{ service: both }] }
`;
  await using scene = await startScene({
    backends: 0,
    envoy: { drainTimeS: 2 },
    config: ({ port }) => config(port, [3, 1]),
  });
  const { port } = scene;
  const before = await labels(port, 80);
  // 60 on average; one to one it would be 40, and what is beyond these bounds comes once in a hundred thousand times.
  const ofA = before.filter((label) => label === "a").length;
  expect(ofA).toBeGreaterThan(42);
  expect(ofA).toBeLessThan(76);

  expect(await labels(broken, 1)).toEqual([""]);
  expect(new Set(await labels(hashed, 12)).size, "by the client's address").toBe(1);
  const began = performance.now();
  using silent = await open(idle);
  await waitUntil(() => silent.socket.closed, { what: "the silent connection to be closed" });
  expect(performance.now() - began).toBeGreaterThanOrEqual(250);

  using old = await open(port);
  using elsewhere = await open(steady);
  using beyond = raw(steady);
  expect(await text(beyond.socket), "beyond the limit").toBe("");
  const first = await scene.served();
  await scene.save(config(port, [0, 1]));
  await scene.converged(first);
  await old.echo("still here");
  await waitUntil(async () => (await labels(port, 5)).every((label) => label === "b"), { what: "the new weights" });
  expect(await scene.envoy.counter("listener_manager.listener_in_place_updated")).toBe(1);
  await waitUntil(() => old.socket.closed, { what: "the end of the drain", timeoutMs: 30_000 });
  // Its endpoint has left its service meanwhile.
  await elsewhere.echo("and here");
  expect(elsewhere.socket.destroyed).toBe(false);

  const wanted = { route: "public/shared", cluster: "a", endpoint: a.address, bytesOut: 1 };
  await waitUntil(async () => (await logged(all)).some((line) => isSubset(wanted, line)), written("a connection to a"));
  await waitUntil(
    async () => (await logged(failed)).some((line) => isSubset({ cluster: "dead", flags: "UF,URX" }, line)),
    written("a failed connection"),
  );
  expect(new Set((await logged(failed)).map((line) => line["route"]))).toEqual(new Set(["public/broken"]));
});

/** Envoy writes its logs every ten seconds. */
function written(what: string): { readonly what: string; readonly timeoutMs: number } {
  return { what: `${what} in the log`, timeoutMs: 60_000 };
}

async function logged(path: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const lines = (await readFile(path, "utf8")).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

function isSubset(wanted: Readonly<Record<string, unknown>>, line: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(([key, value]) => line[key] === value);
}

/** A connection, with what came first on it. */
interface Opened extends Disposable {
  readonly socket: Socket;
  readonly label: string;
  echo(word: string): Promise<void>;
}

function raw(port: number): { readonly socket: Socket } & Disposable {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  return { socket, [Symbol.dispose]: () => void socket.destroy() };
}

async function open(port: number): Promise<Opened> {
  const { socket } = raw(port);
  let seen = "";
  socket.setEncoding("utf8").on("data", (data: string) => (seen += data));
  await waitUntil(() => seen !== "" || socket.destroyed, { what: "a greeting" });
  const label = seen;
  return {
    socket,
    label,
    async echo(word) {
      socket.write(word);
      await waitUntil(() => seen.endsWith(word), { what: `${word} to come back` });
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** What so many new connections are greeted with; nothing when they are turned away. */
async function labels(port: number, count: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (let index = 0; index < count; index += 1) {
    using connection = await open(port);
    found.push(connection.label);
  }
  return found;
}

function openTls(port: number, servername: string | undefined): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const name = servername === undefined ? {} : { servername };
    const socket = connectTls({ host: "127.0.0.1", port, ...name, rejectUnauthorized: false });
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the socket was closed")));
  });
}

async function greeting(port: number, servername: string) {
  const socket = await openTls(port, servername);
  const { serialNumber: serial } = socket.getPeerCertificate();
  const [label] = (await once(socket.setEncoding("utf8"), "data")) as [string];
  socket.destroy();
  return { serial, label };
}
