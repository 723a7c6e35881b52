/**
 * How secrets lie in etcd: a key each, apart from config, so that a role may have one without the other.
 *
 * What config names is the part behind the prefix. Among the files that config names, a key has a path of its own, which
 * the path of no file is: a file that a filter shows to everybody must not turn out to be a private key in etcd.
 */

/** Where secrets are; behind it stands what `fromEtcd` says. */
export const SECRETS_PREFIX = "/fairway/secrets/";

/** Two slashes are in no path that was normalized. */
const PATH_PREFIX = `etcd://${SECRETS_PREFIX}`;

/** The path, among those of files, of the key that `fromEtcd` names. */
export function pathOfSecretKey(name: string): string {
  return `${PATH_PREFIX}${name}`;
}

/** The whole key; undefined for the path of a file. */
export function secretKeyOf(path: string): string | undefined {
  return path.startsWith(PATH_PREFIX) ? path.slice("etcd://".length) : undefined;
}

/** What people see in diagnostics. */
export function placeOfSecretKey(name: string): string {
  return `etcd:${SECRETS_PREFIX}${name}`;
}

/** The same of a path. */
export function placeOfPath(path: string): string {
  return `etcd:${secretKeyOf(path) ?? path}`;
}
