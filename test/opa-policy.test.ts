/**
 * The policy of the example with Open Policy Agent, decided by OPA itself over requests as its plugin for Envoy hands them
 * on; and that it is the policy which the example tells OPA to answer by.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findOpa } from "../scripts/opa-binary.mjs";
import { root } from "../scripts/project.mjs";
import { tempDir } from "./support/temp-dir.ts";

const folder = join(root, "examples", "ext-auth-opa");
const policy = join(folder, "policy.rego");

/** As the example's own lines start OPA: `envoy/authz/result` is `data.envoy.authz.result`. */
const [, path = ""] = /envoy_ext_authz_grpc\.path=(\S+)/.exec(readFileSync(join(folder, "fairway.yaml"), "utf8")) ?? [];
const query = `data.${path.replaceAll("/", ".")}`;

/** The attributes of Envoy's check request that a policy goes by; names of headers come in lower case. */
function requestOf(method: string, headers: Readonly<Record<string, string>> = {}): object {
  return { attributes: { request: { http: { method, path: "/orders", host: "api.example.com", headers } } } };
}

async function decide(file: string, ...inputs: readonly object[]): Promise<readonly unknown[]> {
  const text = execFileSync(await findOpa(), [file, query], {
    input: JSON.stringify(inputs),
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
  });
  return JSON.parse(text) as readonly unknown[];
}

describe("the policy of examples/ext-auth-opa", () => {
  const allowed = expect.objectContaining({ allowed: true }) as unknown;
  const denied = {
    allowed: false,
    http_status: 403,
    headers: { "x-decided-by": "opa" },
    body: "only the team may change things",
  };

  test("lets everybody read, and whoever has the key change; all others are told why not", async () => {
    const rows: readonly (readonly [object, unknown])[] = [
      [requestOf("GET"), allowed],
      [requestOf("HEAD"), allowed],
      [requestOf("POST"), denied],
      [requestOf("DELETE", { authorization: "Bearer another" }), denied],
      [requestOf("POST", { authorization: "Bearer example-team-key" }), allowed],
      // What Envoy could not say is not allowed either.
      [{}, denied],
    ];
    expect(await decide(policy, ...rows.map(([input]) => input))).toEqual(rows.map(([, decision]) => decision));
  });

  test("would be refused with its line if it were none", async () => {
    await using directory = await tempDir();
    const broken = directory.join("broken.rego");
    await writeFile(
      broken,
      readFileSync(policy, "utf8").replace("default allowed := false", "default allowed := nobody"),
    );
    await expect(decide(broken, requestOf("GET"))).rejects.toThrow(/broken\.rego:6/);
  });
});
