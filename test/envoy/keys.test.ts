/**
 * Keys of tokens and of certificates against a real Envoy: what is refused here it refuses too, and takes the rest.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { pem } from "../support/certificates.ts";
import { tokenKeys } from "../support/token-keys.ts";
import { BareAds } from "./bare-ads.ts";
import { extension } from "./refusal-forms.ts";

const stack = new AsyncDisposableStack();
let ads: BareAds & { readonly port: number };
let count = 0;

beforeAll(async () => {
  ads = stack.use(await BareAds.start());
  stack.use(await Envoy.start({ xdsPort: ads.port, nodeId: "keys", logLevel: "error" }));
}, 30_000);
afterAll(() => stack.disposeAsync());

/** Envoy's words against a listener that checks tokens with these keys; none when it takes them. */
async function checkTokens(jwks: string): Promise<string | undefined> {
  const typed = (type: string, rest: object) => ({ name: type, typed_config: { "@type": extension(type), ...rest } });
  const providers = { p: { issuer: "i", local_jwks: { inline_string: jwks } } };
  const manager = {
    stat_prefix: "s",
    route_config: { virtual_hosts: [] },
    http_filters: [
      typed("filters.http.jwt_authn.v3.JwtAuthentication", { providers }),
      typed("filters.http.router.v3.Router", {}),
    ],
  };
  const network = typed("filters.network.http_connection_manager.v3.HttpConnectionManager", manager);
  return ads.offer({
    "@type": typeUrls.listener,
    name: `tokens-${(count += 1)}`,
    bind_to_port: false,
    address: { socket_address: { address: "127.0.0.1", port_value: 2_000 + count } },
    filter_chains: [{ filters: [network] }],
  });
}

describe("a JWKS with", () => {
  it.each(tokenKeys)("%s", async (_, keys, leftOut) => {
    const said = await checkTokens(JSON.stringify({ keys }));
    if (leftOut < keys.length) expect(said).toBeUndefined();
    else expect(said).toContain("invalid local jwks");
  });
});

it.each([
  ["one", ""],
  ["p384", ""],
  ["ed25519", ""],
  ["p224", "Failed to load certificate chain"],
  ["secp256k1", "Failed to load certificate chain"],
  ["ed448", "Failed to load certificate chain"],
] as const)("a certificate with the key %s", async (name, words) => {
  const inline = (file: `${typeof name}.${"pem" | "key"}`) => ({ inline_string: pem(file) });
  const certificate = { certificate_chain: inline(`${name}.pem`), private_key: inline(`${name}.key`) };
  const said = await ads.offer({
    "@type": typeUrls.cluster,
    name: `keys-${(count += 1)}`,
    transport_socket: {
      name: "tls",
      typed_config: {
        "@type": extension("transport_sockets.tls.v3.UpstreamTlsContext"),
        common_tls_context: { tls_certificates: [certificate] },
      },
    },
  });
  if (words === "") expect(said).toBeUndefined();
  else expect(said).toContain(words);
});
