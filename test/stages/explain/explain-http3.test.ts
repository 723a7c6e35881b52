/**
 * Explanations of requests that may come over HTTP/3.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { drawExplanation } from "../../../src/cli/draw-explanation.ts";
import { loadConfig } from "../../../src/cli/load-config.ts";
import { readAskedRequest } from "../../../src/explain/asked-request.ts";
import { explainRequest } from "../../../src/explain/explain-request.ts";
import { originsIn } from "../../../src/explain/origins.ts";
import { lookUpIn } from "../../../src/explain/resource-lookup.ts";
import { present } from "../../../src/support/assert.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { examplesDir } from "../../support/examples.ts";

async function explain(url: string): Promise<string> {
  const { intent, snapshots } = await loadConfig([join(examplesDir, "http3")], envoyApi);
  const asked = readAskedRequest({ method: "GET", url, headers: [] });
  if (!asked.ok) throw new Error(asked.error);
  const [snapshot] = present(snapshots, "the example is right").values();
  const lookup = lookUpIn(present(snapshot, "there is one group"), envoyApi);
  const origins = originsIn(present(intent, "the example is right"), "default");
  const explanation = { ...explainRequest(asked.value, { lookup, origins }), group: { name: "default" }, version: "1" };
  return drawExplanation(explanation, { colour: false });
}

test("a request is told both listeners that take it, and what clients are told of HTTP/3", async () => {
  const text = await explain("https://example.com:8443/");
  expect(text).toMatch(/listener +0\.0\.0\.0:8443 {2}0\.0\.0\.0:8443 \(TLS\), filter chain shop\/https/);
  expect(text).toMatch(/also taken by +0\.0\.0\.0:8443\/http3/);
  expect(text).toMatch(/response header +set alt-svc: h3=":443"; ma=3600/);
  expect(text).toMatch(/transport +HTTP\/3/);
});

test("a request for another name is told each listener once", async () => {
  const near = (await explain("https://other.com:8443/")).split("\n").filter((line) => line.startsWith("  near"));
  expect(near.map((line) => line.trim().split(/ +/)[1])).toEqual(["shop/api", "shop/https"]);
});

test("a cluster says that it learns of HTTP/3", async () => {
  const text = await explain("http://any.com:8080/");
  expect(text).toMatch(
    /transport +HTTP\/3 where answers say so in alt-svc, else HTTP\/2 or HTTP\/1\.1 by ALPN; TLS, server/,
  );
});
