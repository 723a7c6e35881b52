/**
 * What is refused here beyond the constraints of the protos, held against a real Envoy.
 *
 * Envoy is given every row of the table by a control plane that checks nothing. What it refuses is named
 * here at the right line, and what it takes is taken here: a check that is too strict would keep a good
 * config from being served.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { Envoy } from "../../demo/kit/envoy.ts";
import { findRefusals } from "../../src/model/refusals.ts";
import { regexProblem } from "../../src/model/regex-check.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { present } from "../../src/support/assert.ts";
import { parseText } from "../stages/model/parse-text.ts";
import { envoyApi } from "../support/envoy-api.ts";
import { BareAds } from "./bare-ads.ts";
import type { BareResource } from "./bare-ads.ts";
import { extension, manager, match } from "./refusal-forms.ts";
import { clusters, endpoints } from "./refusal-rows-cluster.ts";
import { listeners, managers } from "./refusal-rows-listener.ts";
import { quics } from "./refusal-rows-quic.ts";
import { actions, hosts, regexes } from "./refusal-rows-route.ts";

const stack = new AsyncDisposableStack();
let ads: BareAds & { readonly port: number };
let count = 0;

beforeAll(async () => {
  ads = stack.use(await BareAds.start());
  stack.use(await Envoy.start({ xdsPort: ads.port, nodeId: "refusals", logLevel: "error" }));
}, 30_000);
afterAll(() => stack.disposeAsync());

/** What Envoy says to the resource of a config; "" when it takes it. */
async function tryIn(config: string): Promise<string> {
  count += 1;
  const name = `row-${count}`;
  const resourceOf = (text: string): BareResource =>
    (parse(text.replaceAll("NAME", name).replaceAll("PORT", String(2_000 + count))) as { resources: [BareResource] })
      .resources[0];
  const resource = resourceOf(config);
  if (resource["@type"] === typeUrls.route) expect(await ads.offer(resourceOf(asking))).toBeUndefined();
  if (resource["@type"] === typeUrls.endpoints) {
    const eds_cluster_config = { eds_config: { ads: {}, resource_api_version: "V3" } };
    const cluster = { "@type": typeUrls.cluster, name, type: "EDS", connect_timeout: "1s", eds_cluster_config };
    expect(await ads.offer(cluster)).toBeUndefined();
  }
  return (await ads.offer(resource)) ?? "";
}

/** A listener that asks for the route configuration of its name. */
const asking = manager(
  "rds: { route_config_name: NAME, config_source: { ads: {}, resource_api_version: V3 } }",
).replace(/\n.*route_config: .*/, "");

describe.each([
  ["listeners", listeners],
  ["connection managers", managers],
  ["QUIC", quics],
  ["virtual hosts and routes", hosts],
  ["what a route does", actions],
  ["clusters", clusters],
  ["endpoints", endpoints],
  ["regular expressions in", regexes],
])("%s", (_subject, table) => {
  it.each(table)("%s", async (_title, config, words, code) => {
    const { diagnostics } = parseText(config.replaceAll("NAME", "a").replaceAll("PORT", "2000"));
    const line = config.split("\n").findIndex((text) => text.endsWith("# here")) + 1;
    const expected = code === "" ? [] : [{ code, severity: "error", line }];
    expect(diagnostics.map(({ code: told, severity, at }) => ({ code: told, severity, line: at.line }))).toEqual(
      expected,
    );
    const said = await tryIn(config);
    if (words === "") expect(said).toBe("");
    else expect(said).toContain(words);
  });
});

/** RE2 in C++, as Envoy has it, and its port to JavaScript. */
const patterns = String.raw`
  a  ( [ a{1000} a{1001} (a{100}){10} (a{100}){11} (?!a) (?=a) (?<=a) (?<!a) \1 (a)\1 \k<a> (?<a>b) (?P<a>b)
  (?P<a>b)(?P<a>c) (?P<1a>b) (?P=a) (?i)a (?i:a) (?s-i)a (?U)a* (?x)a \d+ \h \v \R \X \C \Qa.b\E \Qa \pL \p{Greek}
  \p{Nope} \PN \p{^L} [[:alpha:]] [[:nope:]] [[:^alpha:]] [a-z&&[b]] [z-a] []a] [^]a] [] [a a** a*+ a++ a?+ a{2}{3}
  a{,2} a{2,1} a{ { } * +a ? (?:a) (?#c) (?>a) a|* | a||b () \ \z \Z \A \b \G \x41 \x{41} \x{110000} \u0041 \e \a \cA
  \07 \8 \_ \/ \< \y [\b] [\w-z] [a-\d] $a^ .*\.js$ /[a-z]{3,40}/v\d+/.* é [é-ü] 日本 \p{Han} (?i)straße a{0} (a*)*
  (|a)* (?m)^a$ (?)a (?i (?-) \Qa\ (a a) )) x{500}{3} [[:word:]] (?P<n>[a-z]+)-(?P<m>[0-9]{1,3})
`
  .trim()
  .split(/\s+/);

describe("regular expressions", () => {
  it.each(patterns.map((pattern) => [pattern]))("%s is judged as Envoy does", async (pattern) => {
    const said = await tryIn(match(`safe_regex: { regex: ${JSON.stringify(pattern)} }`));
    // How large a program may be is a setting of Envoy's.
    const refused = said !== "" && !said.includes("max program size");
    expect(regexProblem(pattern) !== undefined, said).toBe(refused);
  });
});

/** Categories of extensions as Envoy names them, and a message with a place for them. */
const places = [
  ["envoy.filters.http", "filters.network.http_connection_manager.v3.HttpFilter"],
  ["envoy.filters.http.upstream", "filters.network.http_connection_manager.v3.HttpFilter"],
  ["envoy.filters.network", "config.listener.v3.Filter"],
  ["envoy.filters.listener", "config.listener.v3.ListenerFilter"],
  ["envoy.filters.udp_listener", "config.listener.v3.ListenerFilter"],
  ["envoy.transport_sockets.downstream", "config.core.v3.TransportSocket"],
  ["envoy.transport_sockets.upstream", "config.core.v3.TransportSocket"],
  ["envoy.access_loggers", "config.accesslog.v3.AccessLog"],
] as const;

describe("extensions", () => {
  it.each(places)("takes every %s of this Envoy in its place", (category, place) => {
    const typeUrl = place.startsWith("filters.") ? extension(place) : `type.googleapis.com/envoy.${place}`;
    const known = (ads.node?.extensions ?? []).filter((each) => each.category === category);
    const types = known.flatMap((each) => each.typeUrls).filter((type) => envoyApi.descriptor(`x/${type}`));
    expect(types.length).toBeGreaterThan(1);
    for (const type of types) {
      const config = { name: "a", typedConfig: { "@type": `type.googleapis.com/${type}` } };
      const encoded = envoyApi.encode(
        typeUrl,
        type.startsWith("google.") ? { name: "a", typedConfig: { ...config.typedConfig, value: {} } } : config,
      );
      if (!encoded.ok) throw new Error(encoded.error.message);
      const found = findRefusals(
        envoyApi,
        present(envoyApi.descriptor(typeUrl), "it is encoded"),
        encoded.value.message,
      );
      expect(found.filter(({ code }) => code === "wrong-extension")).toEqual([]);
    }
  });
});
