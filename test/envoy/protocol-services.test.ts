/**
 * Secrets, extensions and runtime layers on the one ADS stream, changed while four real Envoys use them.
 *
 * The listeners stay as they are all the while, so that what changes is what the service in question delivered.
 */
import { copyFile, mkdir } from "node:fs/promises";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../demo/kit/get.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { certificatesDir, pem } from "../support/certificates.ts";
import type { CertificateName } from "../support/certificates.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { startFour } from "./four-envoys.ts";
import type { Four, FourPorts, Member } from "./four-envoys.ts";

interface Parts {
  readonly percent?: number;
  readonly status?: number;
}

const HTTP = "type.googleapis.com/envoy.extensions.filters.http";

/** An HTTPS gateway, a listener with a filter from ECDS, and a runtime layer, for each. */
const config =
  ({ percent = 0, status = 418 }: Parts = {}) =>
  ({ members, backends }: FourPorts): string =>
    `
nodes:
${members.map(({ name }) => `  ${name}: { match: { cluster: ${name} } }`).join("\n")}
gateways:
${members
  .map(
    ({ name, port }) =>
      `  ${name}: { nodes: ${name}, listeners: [{ name: tls, port: ${port}, address: 127.0.0.1, protocol: HTTPS, tls: { secret: site } }] }`,
  )
  .join("\n")}
secrets: { site: { certificate: { file: site.pem }, privateKey: { file: site.key } } }
services: { shop: { endpoints: ["${backends[0]}"] } }
routes: { shop: { rules: [{ backends: [{ service: shop }] }] } }
resources:
  - { "@type": ${typeUrls.runtime}, name: switches, layer: { shop: { share: ${percent} } } }
  - "@type": ${typeUrls.extension}
    name: gate
    typed_config:
      "@type": ${HTTP}.fault.v3.HTTPFault
      abort: { http_status: ${status}, percentage: { numerator: 100 } }
${members.map(spareListener).join("\n")}
`;

const spareListener = ({ name, sparePort }: FourPorts["members"][number]): string => `
  - "@type": ${typeUrls.listener}
    nodes: [${name}]
    name: gated
    address: { socket_address: { address: 127.0.0.1, port_value: ${sparePort} } }
    filter_chains:
      - filters:
          - name: http
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: gated
              route_config:
                virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: shop } }] }]
              http_filters:
                - name: gate
                  config_discovery:
                    config_source: { ads: {}, resource_api_version: V3 }
                    type_urls: ["${HTTP}.fault.v3.HTTPFault"]
                - name: router
                  typed_config: { "@type": ${HTTP}.router.v3.Router }
`;

let four: Four;

beforeAll(async () => {
  four = await startFour({
    backends: 1,
    config: config(),
    prepare: (configDir) => placePair(configDir, "one"),
    override: () => ({
      layered_runtime: {
        layers: [
          { name: "fairway", rtds_layer: { name: "switches", rtds_config: { ads: {}, resource_api_version: "V3" } } },
        ],
      },
    }),
  });
});
afterAll(() => four[Symbol.asyncDispose]());

/** The key first: nobody is told of the moment between. */
async function placePair(configDir: string, name: CertificateName): Promise<void> {
  await mkdir(configDir, { recursive: true });
  for (const end of ["key", "pem"]) {
    await copyFile(join(certificatesDir, `${name}.${end}`), join(configDir, `site.${end}`));
  }
}

const serialOf = (name: CertificateName): string => new X509Certificate(pem(`${name}.pem`)).serialNumber;

/** The serial number of the certificate that a new connection is shown. */
async function shown(port: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  try {
    await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return socket.getPeerCertificate().serialNumber;
  } finally {
    socket.destroy();
  }
}

/** What each Envoy is told until the end of the test. */
function toldFrom(): (member: Member) => readonly string[] {
  const marks = four.members.map(({ relay }) => relay.told.length);
  return (member) => [
    ...new Set(member.relay.told.slice(marks[four.members.indexOf(member)]).map(({ typeUrl }) => typeUrl)),
  ];
}

test("a renewed certificate is shown without a change of the listener (SDS)", async () => {
  await four.each(async ({ port }) => expect(await shown(port)).toBe(serialOf("one")));
  const told = toldFrom();
  await placePair(four.configDir, "one-renewed");
  await four.each(async (member) => {
    await waitUntil(async () => (await shown(member.port)) === serialOf("one-renewed"), {
      what: "the new certificate",
    });
    expect(told(member)).toEqual([typeUrls.secret]);
    expect(await member.envoy.counter("listener_manager.listener_modified")).toBe(0);
  });
});

test("a filter that changes is in force without a change of the listener (ECDS)", async () => {
  const statusOf = async ({ sparePort }: Member) => (await ask(sparePort, "/")).status;
  await four.each(async (member) => expect(await statusOf(member)).toBe(418));
  const told = toldFrom();
  await four.change(config({ status: 429 })(four.ports));
  await four.each(async (member) => {
    await waitUntil(async () => (await statusOf(member)) === 429, { what: "the new status" });
    expect(told(member)).toEqual([typeUrls.extension]);
    expect(await member.envoy.counter("listener_manager.listener_modified")).toBe(0);
  });
});

test("a runtime layer that changes is in force, and nothing else is told (RTDS)", async () => {
  const share = async ({ envoy }: Member) => {
    const { text } = await ask(envoy.adminPort, "/runtime");
    const { entries } = JSON.parse(text) as {
      readonly entries: Readonly<Record<string, { readonly final_value: string }>>;
    };
    return entries["shop.share"]?.final_value;
  };
  await four.each(async (member) => expect(await share(member)).toBe("0"));
  const told = toldFrom();
  await four.change(config({ status: 429, percent: 25 })(four.ports));
  await four.each(async (member) => {
    await waitUntil(async () => (await share(member)) === "25", { what: "the new value" });
    expect(told(member)).toEqual([typeUrls.runtime]);
  });
});
