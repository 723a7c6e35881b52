/**
 * Runs in the network namespace of an application with a sidecar, with the control plane and the Envoy in it too; prints
 * as JSON what came of its connections. Envoy runs as root here, so that connections of any other user are redirected.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, get } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { join } from "node:path";
import { json, text } from "node:stream/consumers";
import { Envoy } from "../../../demo/kit/envoy.ts";
import { Fairway } from "../../../demo/kit/fairway.ts";
import { present } from "../../../src/support/assert.ts";
import { pem } from "../../support/certificates.ts";
import { tempDir } from "../../support/temp-dir.ts";

const example = join(import.meta.dirname, "../../../examples/sidecar");
/** The user that is nobody. */
const CLIENT_UID = 65_534;

function redirect(verb: "on" | "off" | "show"): string {
  const env = { ...process.env, ENVOY_USER: "0", APP_PORTS: "8080", APP_TLS_PORTS: "8443" };
  return execFileSync("sh", [join(example, "redirect.sh"), verb], { encoding: "utf8", env });
}

async function ask(address: string, port: number, host: string) {
  const request = get({ host: address, port, headers: { host }, agent: false });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return { server: answer.headers["server"], body: await json(answer) };
}

/** What a server says first, or why there is none. */
async function greeting(address: string, port: number): Promise<string> {
  const socket = connect(port, address);
  return text(socket).catch((cause: unknown) => (cause as NodeJS.ErrnoException).code ?? "failed");
}

/** What comes back for words that are no TLS. */
async function silence(address: string, port: number): Promise<string> {
  const socket = connect(port, address);
  socket.write("GET / HTTP/1.1\r\nhost: any\r\n\r\n");
  return text(socket).catch((cause: unknown) => (cause as NodeJS.ErrnoException).code ?? "failed");
}

/** What a server of TLS says first, and the name in the certificate that it shows, whatever name was asked for. */
async function tlsGreeting(address: string, servername: string) {
  const options = { host: address, port: 443, servername, ca: pem("ca.pem"), checkServerIdentity: () => undefined };
  const socket = connectTls(options);
  await once(socket, "secureConnect");
  const { subjectaltname = "" } = socket.getPeerCertificate();
  return { ...((await json(socket)) as object), certificate: subjectaltname.replace("DNS:", "") };
}

/** The kernel goes by the user at the moment in which a socket is made. */
async function asClient<Result>(work: () => Promise<Result>): Promise<Result> {
  const seteuid = present(process.seteuid, "this is Linux").bind(process);
  seteuid(CLIENT_UID);
  try {
    return await work();
  } finally {
    seteuid(0);
  }
}

await using directory = await tempDir();
await using fairway = await Fairway.start({ configDir: example, stateDir: directory.join("state") });
await using envoy = await Envoy.start({ xdsPort: fairway.xdsPort, nodeId: "orders-1" });
await envoy.ready();
const orders = createServer((request, response) => {
  response.end(JSON.stringify({ forwardedFor: request.headers["x-forwarded-for"] }));
}).listen(8080, "127.0.0.1");
await once(orders, "listening");

redirect("on");
// What is there already is set anew.
redirect("on");
const led = await asClient(async () => ({
  known: await ask("198.51.100.10", 80, "payments.internal"),
  unknown: await ask("203.0.113.5", 80, "www.example.com"),
  postgres: await greeting("198.51.100.30", 5432),
  otherPort: await greeting("203.0.113.5", 7000),
  tls: await tlsGreeting("198.51.100.10", "payments.internal"),
  otherTls: await tlsGreeting("203.0.113.5", "www.example.com"),
  noTls: await silence("203.0.113.5", 443),
  circle: await greeting("127.0.0.1", 15_001),
}));
// The world asks the application.
const inbound = await ask("192.0.2.1", 9000, "control");
const counters: Record<string, number> = {};
for (const name of [
  "cluster.payments.upstream_rq_200",
  "cluster.elsewhere.upstream_rq_200",
  "cluster.elsewhere.upstream_cx_total",
  "cluster.payments-tls.upstream_cx_total",
  "cluster.postgres.upstream_cx_total",
  "cluster.orders.upstream_rq_200",
]) {
  counters[name] = await envoy.counter(name);
}
const rules = redirect("show").trim().split("\n").length;
redirect("off");
const without = {
  shown: redirect("show"),
  unknown: await asClient(() => ask("203.0.113.5", 80, "www.example.com")),
};
orders.close();
process.stdout.write(`${JSON.stringify({ ...led, inbound: inbound.body, counters, rules, without })}\n`);
