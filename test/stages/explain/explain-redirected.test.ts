/**
 * Explanations of connections that the firewall leads to Envoy.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drawExplanation } from "../../../src/cli/draw-explanation.ts";
import { readAskedRequest } from "../../../src/explain/asked-request.ts";
import { explainRequest } from "../../../src/explain/explain-request.ts";
import { originsIn } from "../../../src/explain/origins.ts";
import { lookUpIn } from "../../../src/explain/resource-lookup.ts";
import { present } from "../../../src/support/assert.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { examplesDir } from "../../support/examples.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";
import { parseText } from "../model/parse-text.ts";

const config = readFileSync(join(examplesDir, "sidecar", "fairway.yaml"), "utf8");

function explain(url: string): string {
  const { intent, diagnostics } = parseText(config);
  const good = present(intent, JSON.stringify(diagnostics));
  const asked = readAskedRequest({ method: "GET", url, headers: [] });
  if (!asked.ok) throw new Error(asked.error);
  const sources = { lookup: lookUpIn(snapshotOf(good), envoyApi), origins: originsIn(good, "default") };
  const group = present(good.groups[0], "there is one without `nodes`");
  const explanation = { ...explainRequest(asked.value, sources), group, version: "1" };
  return drawExplanation(explanation, { colour: false });
}

test("a handed-over request is told who opens no port, and one for an unknown host goes where it wanted to", () => {
  const text = explain("http://www.example.com/");
  expect(text).toMatch(/port +opened by no Envoy; a listener with useOriginalDst hands its connections over/);
  expect(text).toMatch(/cluster +elsewhere {2}wherever the connection wanted to go/);
});

test("connections for any other port are told that the kernel is asked", () => {
  const text = explain("http://any:15001/");
  const asked = /original destination +asked of the kernel, and handed to the listener of that port where there is one/;
  expect(text).toMatch(asked);
  expect(text).toMatch(/cluster +elsewhere {2}wherever the connection wanted to go/);
});
