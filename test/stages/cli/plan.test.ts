/**
 * `fairway plan` as a pipeline sees it: exit codes, formats, bounds, and who is asked.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TempDir } from "../../support/temp-dir.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { fairwayMain } from "../../../demo/kit/program.ts";

const config = ({ maxRequests = 100, extra = "", services = "" } = {}) => `nodes:
  edge: { match: { cluster: edge } }
  core: { match: { cluster: core } }
gateways: { g: { listeners: [{ name: h, port: 80 }] } }
services:
  shop: { endpoints: ["10.0.0.1:80"], circuitBreaker: { maxRequests: ${maxRequests} } }
${services}
routes: { r: { rules: [{ name: one, backends: [{ service: shop }]${extra} }] } }
policies: { p: { lua: { inline: "function envoy_on_request(h) end" } } }
`;

const many = Array.from({ length: 40 }, (_, index) => `  s${index}: { endpoints: ["10.0.1.${index + 1}:80"] }`);

let directory: TempDir;
let before = "";
let after = "";

beforeAll(async () => {
  directory = await tempDir();
  [before, after] = [directory.join("before.yaml"), directory.join("after.yaml")];
  await writeFile(before, config());
  await writeFile(after, config({ maxRequests: 200, extra: ", policies: [p], timeouts: { request: 5s }" }));
});

afterAll(() => directory[Symbol.asyncDispose]());

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function plan(...args: readonly string[]): Promise<Ended> {
  const env = { ...process.env, FAIRWAY_SERVER: "" };
  const all = [fairwayMain, "plan", ...args];
  const ended = await promisify(execFile)(process.execPath, all, { env }).catch((error: unknown) => error);
  return { code: 0, ...(ended as { stdout: string; stderr: string }) };
}

describe("fairway plan", () => {
  it("ends with 0 and one line when nothing changes", async () => {
    expect(await plan(before, "--against", before)).toEqual({
      code: 0,
      stdout: `no changes against ${before}\n`,
      stderr: "",
    });
  });

  it("ends with 10 and tells groups with the same changes once, with lines, values, effects and the order", async () => {
    const { code, stdout, stderr } = await plan(after, "--against", before);
    expect({ code, stderr }).toEqual({ code: 10, stderr: "" });
    const versions = /version [0-9a-f]{16} → [0-9a-f]{16}/g;
    expect(
      stdout.replace(versions, "version A → B").replaceAll(`${directory.path}/`, "").trimEnd().split("\n"),
    ).toEqual([
      "group core: version A → B, about 714 bytes to each node",
      "group edge: version A → B, about 714 bytes to each node",
      "  ~ clusters/shop  after.yaml:6",
      "      circuit_breakers.thresholds[0].max_requests 100 → 200",
      "    ! made anew: its connections are drained, its circuit breakers count from zero",
      "  ~ listeners/g/h  after.yaml:4",
      "      filter_chains[0].http_connection_manager.http_filters[envoy.filters.http.lua] added",
      "    ! Lua added: read what it does, Fairway cannot tell",
      "    ! in place, on the same socket: the connections of 1 filter chain are drained",
      "  ~ routes/g/h  after.yaml:4",
      "      virtual_hosts[*].routes[r/one].route.timeout 15s → 5s  after.yaml:8",
      "      virtual_hosts[*].routes[r/one].typed_per_filter_config added  after.yaml:8",
      "    ! Lua added at `r/one`: read what it does, Fairway cannot tell",
      "    · taken by the next request; no connection is drained",
      "  order: 1. supply 1 cluster, until acknowledged · 2. switch 1 listener, 1 route, until acknowledged",
      "",
      "plan: 0 added, 3 changed, 0 removed in 2 of 2 groups; 1 listener with filter chains that drain, 1 cluster made anew",
    ]);
  });

  it("tells that the buckets of a rate limit are full again, at the line of the limit and not of its rule", async () => {
    const limited = (requests: number, timeout = "3s") => `gateways: { g: { listeners: [{ name: h, port: 80 }] } }
services: { shop: { endpoints: ["10.0.0.1:80"] } }
policies:
  few:
    rateLimit: { local: { requests: ${requests}, per: 1s } }
routes:
  r:
    policies: [few]
    rules:
      - { name: one, timeouts: { request: ${timeout} }, backends: [{ service: shop }] }
`;
    const [few, more, slow] = ["few.yaml", "more.yaml", "slow.yaml"].map((name) => directory.join(name));
    await Promise.all([
      writeFile(few ?? "", limited(10)),
      writeFile(more ?? "", limited(20)),
      writeFile(slow ?? "", limited(10, "4s")),
    ]);
    const { stdout } = await plan(more ?? "", "--against", few ?? "");
    expect(stdout).toMatch(/local_ratelimit\.token_bucket\.max_tokens 10 → 20 {2}\S+more\.yaml:5\n/);
    expect(stdout).toContain("its local rate limits begin anew, with full buckets");
    const other = await plan(slow ?? "", "--against", few ?? "");
    expect(other.stdout).toMatch(/route\.timeout 3s → 4s {2}\S+slow\.yaml:10\n/);
    expect(other.stdout).toContain("its local rate limits begin anew, with full buckets");
    const none = await plan(after, "--against", before);
    expect(none.stdout).not.toContain("buckets");
  });

  it("writes a comment for a pull request, in which nothing of a name ends the table", async () => {
    const { code, stdout } = await plan(after, "--against", before, "-o", "md", "--group", "edge");
    expect(code).toBe(10);
    expect(stdout).toMatch(/^### fairway plan: changes\n\n\*\*0 added, 3 changed, 0 removed\*\* in 1 of 1 group, /);
    expect(stdout).toContain("- :warning: `routes/g/h`: Lua added at `r/one`: read what it does, Fairway cannot tell");
    expect(stdout).toContain("| ~ | `clusters/shop`<br>`");
    expect(stdout).toContain("<details open><summary>group <b>edge</b>: 3 changes, about 714 bytes to each node");
    const rows = stdout.split("\n").filter((line) => line.startsWith("| "));
    expect(rows.map((row) => row.split(/(?<!\\)\|/).length)).toEqual([6, 6, 6, 6]);
  });

  it("writes JSON and YAML with the same content", async () => {
    const [json, yaml] = await Promise.all([
      plan(after, "--against", before, "-o", "json"),
      plan(after, "--against", before, "-o", "yaml"),
    ]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      changes: true,
      totals: { added: 0, changed: 3, removed: 0 },
      groups: [
        {
          group: "core",
          changesCount: 3,
          changes: [
            {
              change: "changed",
              type: "clusters",
              name: "shop",
              at: { line: 6 },
              fields: [{ path: "circuit_breakers.thresholds[0].max_requests", before: 100, after: 200 }],
              effects: [{ kind: "cluster-recreated", weight: "disruptive" }],
            },
            { type: "listeners" },
            { type: "routes", extensions: [{ kind: "added", code: "Lua", place: "r/one" }] },
          ],
          steps: [{ phase: "supply", counts: { clusters: 1 } }, { phase: "switch" }],
        },
        { group: "edge" },
      ],
    });
    expect(yaml.stdout).toContain("- group: core\n");
    expect(yaml.stdout).toContain("    - kind: cluster-recreated\n");
  });

  it("shows so many changes and says how many more there are, unless all are asked for", async () => {
    const large = directory.join("large.yaml");
    await writeFile(large, config({ services: many.join("\n") }));
    const some = await plan(large, "--against", before, "--group", "edge");
    expect(some.stdout).toContain("  … and 55 changes more; --all shows them\n");
    expect(some.stdout).toContain("plan: 80 added, 0 changed, 0 removed in 1 of 1 group; 40 new warnings\n");
    const all = await plan(large, "--against", before, "--group", "edge", "--all");
    expect(all.stdout.match(/^ {2}\+ /gm)).toHaveLength(80);
  });

  it("tells what the guard would hold, with the way out, and the groups that leave", async () => {
    const [large, less] = [directory.join("much.yaml"), directory.join("less.yaml")];
    await writeFile(large, config({ services: many.join("\n") }));
    await writeFile(less, config().replace(/ {2}core: .*\n/, ""));
    const { stdout } = await plan(less, "--against", large);
    expect(stdout).toContain("  held: removes much: 40 of 41 clusters go (s0, s1, s10, s11, s12 and 35 more)\n");
    expect(stdout).toMatch(
      /held: the server will hold this until somebody says that it is meant: fairway confirm [0-9a-f]{16}\n/,
    );
    expect(stdout).toContain("group core leaves the config; 0 nodes in it keep what they have\n");
  });

  it("ends with 2 when either config is wrong, or the question is", async () => {
    const wrong = directory.join("wrong.yaml");
    await writeFile(wrong, "routes: { r: { rules: [{ backends: [{ service: nowhere }] }] } }");
    for (const args of [
      [wrong, "--against", before],
      [before, "--against", wrong],
    ]) {
      const { code, stdout, stderr } = await plan(...args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain("wrong.yaml:1:");
    }
    const unknown = await plan(before, "--against", before, "--group", "egde");
    expect(unknown).toMatchObject({
      code: 2,
      stderr: 'error: there is no group "egde"; there are: core, edge\n',
    });
    const both = await plan(before, "--against", before, "--server", "http://127.0.0.1:1");
    expect(both.code).toBe(2);
  });

  it("ends with 1 when the server does not answer", async () => {
    const { code, stderr } = await plan(before, "--server", "http://127.0.0.1:1");
    expect(code).toBe(1);
    expect(stderr).toContain("ADMIN_UNREACHABLE");
  });
});
