/**
 * A plan against a server that knows more than the files: what registers in etcd and its environment are its own, and
 * a plan must not show as removed what nobody removes.
 */
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { freePorts } from "../../demo/kit/ports.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import { systemClock } from "../../src/support/clock.ts";
import { pem } from "../support/certificates.ts";
import type { TempDir } from "../support/temp-dir.ts";
import { tempDir } from "../support/temp-dir.ts";
import type { Scene } from "../envoy/scene.ts";
import { startScene } from "../envoy/scene.ts";
import { ranWith } from "./fairway-command.ts";

let etcd: EtcdCluster;
let client: EtcdClient;
let scene: Scene;
let next: TempDir;

interface Edit {
  readonly timeoutS?: number;
  readonly maxRequests?: number;
  /** Where those of the service come from. */
  readonly hosts?: string;
}

function config(
  ports: readonly number[],
  { timeoutS = 3, maxRequests = 100, hosts = "discovery: { etcd: {} }" }: Edit = {},
): string {
  return `
gateways:
  edge: { listeners: [{ name: http, port: ${ports[0]} }] }
  secure: { listeners: [{ name: https, port: ${ports[1]}, protocol: HTTPS, tls: { secret: site } }] }
secrets:
  site: { certificate: { fromEnv: PLAN_CERTIFICATE }, privateKey: { fromEnv: PLAN_KEY } }
  people: { users: { fromEnv: PLAN_USERS } }
policies:
  login: { basicAuth: { users: people } }
services:
  shop:
    ${hosts}
    circuitBreaker: { maxRequests: ${maxRequests} }
    subsets: { v2: { labels: { version: v2 } } }
routes:
  members:
    gateways: [secure]
    rules: [{ backends: [{ service: shop, subset: v2 }], policies: [login] }]
  all:
    gateways: [edge]
    rules:
      - { name: main, backends: [{ service: shop }], timeouts: { request: ${timeoutS}s } }
`;
}

/** As somebody else has it. */
const elsewhere = {
  PLAN_CERTIFICATE: pem("two.pem"),
  PLAN_KEY: pem("two.key"),
  PLAN_USERS: "a:{SHA}2kuSN7rMzfGcB2DKt67EqDWQELA=",
};
const here = {
  PLAN_CERTIFICATE: pem("one.pem"),
  PLAN_KEY: pem("one.key"),
  PLAN_USERS: "b:{SHA}2kuSN7rMzfGcB2DKt67EqDWQELA=",
};

let ports: readonly number[] = [];

beforeAll(async () => {
  Object.assign(process.env, here);
  [etcd, next, ports] = await Promise.all([EtcdCluster.start(), tempDir(), freePorts(2)]);
  client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  const put = (key: string, value: string) => ({ kind: "put", key, value: Buffer.from(value) }) as const;
  await client.transact(
    [],
    [1, 2, 3, 4].map((host) =>
      put(`/services/shop/${host}`, JSON.stringify({ address: `10.0.0.${host}:80`, labels: { version: "v2" } })),
    ),
  );
  scene = await startScene({
    backends: 0,
    config: () => config(ports),
    args: ["--etcd", etcd.endpoints.map((endpoint) => `http://${endpoint}`).join(",")],
  });
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  client.close();
  await etcd[Symbol.asyncDispose]();
  await next[Symbol.asyncDispose]();
});

async function plan(
  edit: Edit,
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly text: string }> {
  const path = next.join("main.yaml");
  await writeFile(path, config(ports, edit));
  return ranWith(elsewhere, "plan", path, "--server", `http://127.0.0.1:${scene.fairway.adminPort}`, ...args);
}

describe("a plan without the registry and the environment of the server", () => {
  test("has no changes when the files are the same, and says what was not compared", async () => {
    const { code, text } = await plan({});
    expect(text).toBe(
      [
        "note: not compared: the endpoints of shop, shop|v2, which register in etcd and are the server's own",
        "note: not compared: site, which the server takes from its environment or from etcd",
        "note: not compared: what is concealed in secure/https, because the server takes people from its environment or from etcd",
        `no changes against http://127.0.0.1:${scene.fairway.adminPort}`,
      ].join("\n"),
    );
    expect(code).toBe(0);
  });

  test("tells what is changed, and the version that the server serves then", async () => {
    const edit = { timeoutS: 5, maxRequests: 200 };
    const { code, text } = await plan(edit, "-o", "json");
    expect(code).toBe(10);
    const { groups } = JSON.parse(text) as {
      groups: readonly { to: string; held: unknown[]; changes: readonly { type: string; name: string }[] }[];
    };
    const [group] = groups;
    expect(group?.changes.map(({ type, name }) => `${type}/${name}`)).toEqual([
      "clusters/shop",
      "clusters/shop|v2",
      "routes/edge/http",
    ]);
    expect(group?.held).toEqual([]);
    const before = await scene.served();
    await scene.save(config(ports, edit));
    expect(await scene.converged(before)).toBe(group?.to);
    expect((await plan(edit)).code).toBe(0);
  });

  test("tells that a service that no longer registers loses its hosts", async () => {
    const { code, text } = await plan({ hosts: 'endpoints: [{ address: "10.0.0.9:80", labels: { version: v2 } }]' });
    expect(code).toBe(10);
    expect(text).toContain(
      "hosts only, the cluster stays: 10.0.0.9:80 comes; 10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80 and 1 more go, with the connections to them",
    );
  });
});
