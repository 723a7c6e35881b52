/**
 * Where the etcd program is.
 */

/** Plain JavaScript, because it also runs on a Node that cannot read TypeScript. */
const FINDER = new URL("../../scripts/etcd-binary.mjs", import.meta.url).href;

let found: Promise<string> | undefined;

/** The path of the etcd to run; looked for once, and built when this machine has none. */
export function etcdBinary(): Promise<string> {
  found ??= find();
  return found;
}

async function find(): Promise<string> {
  const { findEtcd } = (await import(FINDER)) as { readonly findEtcd: () => Promise<string> };
  return findEtcd();
}
