/**
 * What files with passwords and keys hold, as far as Envoy would refuse them: lines of a name, a colon and what proves
 * that somebody is it.
 *
 * Messages say which line is wrong and never what it holds.
 */

/** Envoy reads the list of passwords itself, so it is passed on as it is. */
export interface Credentials {
  readonly entries: readonly { readonly name: string; readonly secret: string }[];
  readonly problem?: { readonly message: string; readonly hint: string };
}

const usersForm = "`htpasswd -s` makes such lines: ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=";
const keysForm = "a line has the name of a client, a colon and its key, for example partner:2f6b9c0d4e";

/** A list as `htpasswd -s` writes it; Envoy knows SHA-1 and nothing else. */
export function examineUsers(text: string): Credentials {
  return examine(text, usersForm, (secret) => {
    if (!secret.startsWith("{SHA}")) return "has a password that is not hashed with {SHA}";
    return /^\{SHA\}[A-Za-z0-9+/]{27}=$/.test(secret) ? undefined : "has a hash that is no SHA-1 in base64";
  });
}

/** Clients and their keys; a client may have several, so that one can follow another. */
export function examineKeys(text: string): Credentials {
  const { entries, problem } = examine(text, keysForm, (secret) =>
    /^\S+$/.test(secret) ? undefined : "has a key with spaces",
  );
  if (problem !== undefined) return { entries, problem };
  const twice = entries.findIndex(({ secret }, index) => entries.findIndex((other) => other.secret === secret) < index);
  if (twice === -1) return { entries };
  const hint = "Envoy must know who has sent a key";
  return { entries, problem: { message: `has the same key twice, the second time as number ${twice + 1}`, hint } };
}

function examine(text: string, form: string, check: (secret: string) => string | undefined): Credentials {
  const entries: { name: string; secret: string }[] = [];
  const names = new Set<string>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const [name, secret] = [line.slice(0, colon), line.slice(colon + 1)];
    const wrong = colon < 1 || secret === "" ? "has no name and colon in front" : check(secret);
    if (wrong !== undefined) return { entries, problem: { message: `${wrong}, in line ${index + 1}`, hint: form } };
    if (form === usersForm && names.has(name)) {
      return {
        entries,
        problem: { message: `has a name twice, the second time in line ${index + 1}`, hint: "keep one of them" },
      };
    }
    names.add(name);
    entries.push({ name, secret });
  }
  return entries.length > 0 ? { entries } : { entries, problem: { message: "is empty", hint: form } };
}
