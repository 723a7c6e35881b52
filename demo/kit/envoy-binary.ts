/**
 * Where the Envoy programs are.
 */

/** Plain JavaScript, because it also runs on a Node that cannot read TypeScript. */
const FINDER = new URL("../../scripts/envoy-binary.mjs", import.meta.url).href;

/** The versions that are there to run: what Fairway is made with, and the oldest that it is tried with. */
export type EnvoyVersion = "1.40" | "1.36";

const found = new Map<EnvoyVersion, Promise<string>>();

/** The path of the Envoy to run; looked for once, and fetched when this machine has none. */
export function envoyBinary(version: EnvoyVersion = "1.40"): Promise<string> {
  let path = found.get(version);
  if (path === undefined) found.set(version, (path = find(version)));
  return path;
}

async function find(version: EnvoyVersion): Promise<string> {
  const { findEnvoy } = (await import(FINDER)) as {
    readonly findEnvoy: (options: { readonly version: EnvoyVersion }) => Promise<string>;
  };
  return findEnvoy({ version });
}
