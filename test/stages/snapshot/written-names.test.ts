/**
 * Names in Envoy's own words: extensions and patches get the secrets and services that they name, and what there is not
 * is told where it is written.
 */
import { describe, expect, it } from "vitest";
import type { GroupName } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { brand } from "../../../src/support/brand.ts";
import { diagnose } from "../../support/diagnose.ts";
import { summarize } from "../model/parse-text.ts";

const types = "type.googleapis.com/envoy.extensions";

/** Puts a secret into requests. */
const injector = (secret: string) => `extensions:
      - name: inject
        typedConfig:
          "@type": ${types}.filters.http.credential_injector.v3.CredentialInjector
          credential:
            name: generic
            typed_config:
              "@type": ${types}.http.injected_credentials.generic.v3.Generic
              credential: { name: ${secret}, sds_config: { ads: {} } }`;

/** Asks a service about each request. */
const asker = (cluster: string) => `extensions:
      - name: asker
        typedConfig:
          "@type": ${types}.filters.http.ext_authz.v3.ExtAuthz
          grpc_service: { envoy_grpc: { cluster_name: "${cluster}" } }`;

const base = `nodes: { edge: { match: {}, services: [shop] }, inner: { match: { cluster: inner } } }
gateways:
  public: { nodes: [edge], listeners: [{ name: http, port: 8080 }], policies: [own] }
  inside: { nodes: [inner], listeners: [{ name: http, port: 8081 }] }
services:
  shop: { endpoints: ["10.0.0.1:80"], subsets: { canary: { labels: {} } } }
  auth: { endpoints: ["10.0.0.2:80"], protocol: grpc, subsets: { eu: { labels: {} } } }
secrets:
  token: { certificate: { nodeFile: /tls.crt }, privateKey: { nodeFile: /tls.key } }
routes:
  shop: { gateways: [public, inside], rules: [{ backends: [{ service: shop }, { service: shop, subset: canary }] }] }
`;
const own = (part: string) => `${base}policies:
  own:
    ${part}
`;

/** The line of `text`, counted as in diagnostics. */
function lineOf(file: string, text: string): number {
  return file.split("\n").findIndex((line) => line.includes(text)) + 1;
}

/** What is told of a text, without what nothing of it names. */
function told(text: string, ...ignored: readonly string[]): ReturnType<typeof diagnose>["diagnostics"] {
  return diagnose(text).diagnostics.filter(
    ({ code, message }) => code !== "unused-definition" || !ignored.some((name) => message.includes(`\`${name}\``)),
  );
}

function namesOf(text: string, group: string, typeUrl: string): readonly string[] {
  const table = diagnose(text).snapshots.get(brand<GroupName>(group))?.tables.get(typeUrl);
  return [...(table?.resources.keys() ?? [])];
}

/** Has a service shown a certificate of its own. */
const ofShop = (target: string, secret: string) => `${base}policies: { own: {} }
patches:
  - target: { type: Cluster, name: "${target}" }
    merge:
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": ${types}.transport_sockets.tls.v3.UpstreamTlsContext
          common_tls_context:
            tls_certificate_sds_secret_configs: [{ name: ${secret}, sds_config: { ads: {} } }]
`;

describe("a secret", () => {
  it("goes to the group whose extension names it, and to no other", () => {
    const text = own(injector("token"));
    expect(told(text, "auth")).toEqual([]);
    expect(namesOf(text, "edge", typeUrls.secret)).toEqual(["token"]);
    expect(namesOf(text, "inner", typeUrls.secret)).toEqual([]);
  });

  it("goes to whom a patch has ask for it, where what is patched is", () => {
    const text = ofShop("shop|canary", "token");
    expect(told(text, "auth")).toEqual([]);
    for (const group of ["edge", "inner"]) expect(namesOf(text, group, typeUrls.secret), group).toEqual(["token"]);
    const listener = `${base}policies: { own: {} }
patches:
  - target: { type: Listener, name: public/http }
    jsonPatch:
      - op: add
        path: /filter_chains/0/transport_socket
        value:
          name: envoy.transport_sockets.tls
          typed_config:
            "@type": ${types}.transport_sockets.tls.v3.DownstreamTlsContext
            common_tls_context: { tls_certificate_sds_secret_configs: [{ name: token, sds_config: { ads: {} } }] }
`;
    expect(told(listener, "auth")).toEqual([]);
    expect(namesOf(listener, "edge", typeUrls.secret)).toEqual(["token"]);
    expect(namesOf(listener, "inner", typeUrls.secret), "it has no such listener").toEqual([]);
  });

  it("goes to whom a patch has ask for another than before", () => {
    const pair = "{ certificate: { nodeFile: /tls.crt }, privateKey: { nodeFile: /tls.key } }";
    const text = `gateways: { g: { listeners: [{ name: http, port: 8080 }] } }
services: { shop: { endpoints: ["10.0.0.1:80"], tls: { ca: ca, sni: shop.test, clientCertificate: old } } }
secrets: { ca: { ca: { nodeFile: /ca } }, old: ${pair}, new: ${pair} }
routes: { shop: { rules: [{ backends: [{ service: shop }] }] } }
patches:
  - target: { type: Cluster, name: shop }
    jsonPatch:
      - op: replace
        path: /transport_socket/typed_config/common_tls_context/tls_certificate_sds_secret_configs/0/name
        value: new
`;
    expect(told(text)).toEqual([]);
    expect(namesOf(text, "default", typeUrls.secret)).toContain("new");
  });
});

describe("a service", () => {
  it.each([
    ["a policy of a gateway", own(asker("auth"))],
    ["a filter of a rule", inRule(asker("auth|eu"))],
  ])("goes to the group where an extension in %s names it, whatever the group lists", (_, text) => {
    expect(told(text, "token", "eu")).toEqual([]);
    expect(namesOf(text, "edge", typeUrls.cluster)).toContain("auth");
  });

  it.each([own(asker("auth")), inRule(asker("auth"))])("is there from the start where others are asked for", (text) => {
    const asking = text.replace("services: [shop]", "services: [shop], onDemand: { clusters: true }");
    const clusters = diagnose(asking).snapshots.get(brand<GroupName>("edge"))?.tables.get(typeUrls.cluster)?.resources;
    const onDemand = [...(clusters?.values() ?? [])].filter((each) => each.onDemand === true).map(({ name }) => name);
    expect(onDemand).toContain("shop");
    expect(onDemand).not.toContain("auth");
  });

  it("is still in the groups that get what nothing names", () => {
    expect(namesOf(own(asker("auth")), "inner", typeUrls.cluster)).toContain("auth");
  });

  it("is no longer sent for the sake of an extension that is gone", () => {
    expect(namesOf(inRule(asker("auth")), "edge", typeUrls.cluster)).toContain("auth");
    expect(namesOf(inRule("respond: { status: 200 }"), "edge", typeUrls.cluster)).not.toContain("auth");
  });
});

describe("a name that there is not", () => {
  it("of a secret is told at the extension, with the one that is meant", () => {
    const text = own(injector("tokem"));
    const [dangling, ...rest] = told(text, "auth", "token");
    expect(rest).toEqual([]);
    expect(dangling).toMatchObject({
      code: "dangling-reference",
      message: 'the extension "inject" refers to the secret "tokem", which group "edge" does not have',
      hint: 'did you mean "token"?',
      at: { line: lineOf(text, "tokem"), column: 35 },
    });
  });

  it("of a cluster is told at the extension, once for all listeners that have it", () => {
    const text = own(asker("gone")).replace("port: 8080 }", "port: 8080 }, { name: more, port: 8082 }");
    const line = lineOf(text, "gone");
    expect(summarize(told(text, "auth", "token"))).toEqual([`dangling-reference ${line}:55`]);
  });

  it("is told at the patch, and at the extension when a patch changes something else", () => {
    const text = ofShop("shop", "gone");
    expect(summarize(told(text, "auth", "token")).at(0)).toBe(`dangling-reference ${lineOf(text, "gone")}:52`);
    const both = `${own(asker("gone"))}patches: [{ target: { type: Listener, name: public/http }, merge: { stat_prefix: a } }]\n`;
    expect(summarize(told(both, "auth", "token"))).toEqual([`dangling-reference ${lineOf(both, "gone")}:55`]);
  });
});

/** As the only filter of a rule. */
function inRule(filter: string): string {
  const indented = filter.replaceAll("\n", "\n      ");
  return `${base}  own:
    gateways: [public]
    hostnames: [own.test]
    rules:
      - backends: ${filter.startsWith("respond") ? "[]" : "[{ service: shop }]"}
        filters:
          - ${indented}
policies: { own: {} }
`;
}
