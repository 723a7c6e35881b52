/**
 * What filters are told from outside of the config: read anew when it changes, and the same objects when it does not.
 */
import { expect, test } from "vitest";
import type { Intent } from "../../../src/model/intent.ts";
import { createParseCache, parseIntent } from "../../../src/model/parse-intent.ts";
import { present } from "../../../src/support/assert.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { documentOf } from "./parse-text.ts";

const documents = [
  documentOf(
    "conf/a.yaml",
    `services: { shop: { endpoints: ["10.0.0.1:80"] } }
gateways: { g: { listeners: [{ name: a, port: 80 }], policies: [keys] } }
`,
  ),
  documentOf(
    "conf/d.yaml",
    `routes:
  r:
    rules:
      - { matches: [{ path: /own }], filters: [{ apiKey: { keys: list, from: { cookies: [k] } } }], backends: [{ service: shop }] }
      - { backends: [{ service: shop }] }
`,
  ),
  documentOf("conf/b.yaml", "policies: { keys: { apiKey: { keys: list, from: { headers: [x-key] } } } }\n"),
  documentOf("conf/c.yaml", "secrets: { list: { apiKeys: { file: list } } }\n"),
];

test("a list that changes reaches the policies and rules of all files, and one that does not leaves them as they were", () => {
  const cache = createParseCache();
  const intentWith = (list: string): Intent => {
    const content = { files: [documentOf("conf/list", list)], problems: [], environment: {}, nowMs: 0 };
    const { intent, diagnostics } = parseIntent({ documents, problems: [], api: envoyApi, cache, content });
    expect(diagnostics).toEqual([]);
    return present(intent, "there are no diagnostics");
  };
  const told = ({ gateways, routes }: Intent): readonly unknown[] =>
    [gateways[0]?.policies[0]?.policy.httpFilters, routes[0]?.rules[0]?.httpFilters].map(
      (parts) => (parts?.apiKey?.settings as { readonly credentials?: unknown } | undefined)?.credentials,
    );
  const first = intentWith("acme:one\n");
  expect(told(first)).toEqual([[{ name: "acme", secret: "one" }], [{ name: "acme", secret: "one" }]]);
  const same = intentWith("acme:one\n");
  expect(same.gateways[0]).toBe(first.gateways[0]);
  expect(same.routes[0]).toBe(first.routes[0]);
  const second = intentWith("acme:two\nglobex:three\n");
  expect(told(second)[0]).toHaveLength(2);
  expect(told(second)[1]).toEqual(told(second)[0]);
  expect(second.secrets, "no SDS delivers it").toEqual([]);
});

test("without content there is no intent, and the files are known", () => {
  const { intent, files } = parseIntent({ documents, problems: [], api: envoyApi });
  expect(intent).toBeUndefined();
  expect(files).toEqual(["conf/list"]);
});
