/**
 * Where the Envoy program is.
 */

/** Plain JavaScript, because it also runs on a Node that cannot read TypeScript. */
const FINDER = new URL("../../scripts/envoy-binary.mjs", import.meta.url).href;

let found: Promise<string> | undefined;

/** The path of the Envoy to run; looked for once, and fetched when this machine has none. */
export function envoyBinary(): Promise<string> {
  return (found ??= find());
}

async function find(): Promise<string> {
  const { findEnvoy } = (await import(FINDER)) as { readonly findEnvoy: () => Promise<string> };
  return findEnvoy();
}
