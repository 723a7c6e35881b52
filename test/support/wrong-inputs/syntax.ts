/**
 * Wrong inputs that are wrong before anything is understood: bytes, YAML and JSON.
 */
import type { WrongInput } from "./row.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const bytes = (...parts: readonly (string | number)[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...utf8(part)])));

export const syntax: readonly WrongInput[] = [
  ["nothing but spaces", "   \n  \n", "empty-document 1:1"],
  ["a document end and nothing else", "...\n", "empty-document 1:1"],
  ["JSON null", "null", "empty-document 1:1"],
  ["~", "~\n", "empty-document 1:1"],
  ["a number", "42\n", "wrong-type 1:1"],
  ["a boolean", "true\n", "wrong-type 1:1"],
  ["a NUL inside a value", `services: { a: { endpoints: ["1.1.1.1\0:80"] } }\n`, "invalid-encoding 1:38"],
  ["a byte order mark before JSON", `\uFEFF{"services": {}}`, "invalid-encoding 1:1"],
  ["a byte that is never UTF-8", bytes("services: {}\n# ", 0xc0, "\n"), "invalid-encoding 2:3"],
  ["half a character at the end", bytes("services: {}\n# ", 0xe2, 0x82), "invalid-encoding 2:3"],
  ["a surrogate in UTF-8", bytes("# ", 0xed, 0xa0, 0x80, "\n"), "invalid-encoding 1:3"],
  ["an overlong slash", bytes("services: {}\n#", 0xc0, 0xaf, "\n"), "invalid-encoding 2:2"],
  ["Latin-1", bytes("# caf", 0xe9, "\nservices: {}\n"), "invalid-encoding 1:6"],
  ["a quote that does not end", `services: { "a: {} }\n`, "yaml-syntax 1:13"],
  ["a single quote that does not end", `services: { 'a: {} }\n`, "yaml-syntax 1:13"],
  ["a list that does not end", "services: { a: { endpoints: [ } }\n", "yaml-syntax 1:31", "yaml-syntax 2:1"],
  ["a bracket too many", "services: {} }\n", "yaml-syntax 1:14"],
  ["an unknown escape", 'services: { "\\q": {} }\n', "yaml-syntax 1:14"],
  [
    "an item at the wrong indentation",
    "services:\n    a: { endpoints: [] }\n  b: { endpoints: [] }\n",
    "yaml-syntax 3:1",
  ],
  ["a tab before a key", "services:\n  a:\n\t  endpoints: []\n", "yaml-syntax 3:1"],
  ["a colon inside a plain text", "services: { a: b: c }\n", "yaml-syntax 1:16"],
  ["an anchor without a value and its alias", "a: &x\nservices: *y\n", "yaml-syntax 2:11"],
  ["a tag of a program", 'services: !!python/object/apply:os.system ["id"]\n', "yaml-syntax 1:11"],
  ["a set", "services: !!set { a }\n", "yaml-syntax 1:17"],
  ["binary", "services: !!binary aGVsbG8=\n", "yaml-syntax 1:20"],
  ["a map as a key", "{ ? { a: b } : c }\n", "yaml-syntax 1:5"],
  ["YAML 1.1 yes", "nodes: { a: { match: { id: Yes } } }\n", "yaml-ambiguous 1:28"],
  ["YAML 1.1 off", "nodes: { a: { match: { id: off } } }\n", "yaml-ambiguous 1:28"],
  ["YAML 1.1 ON", "nodes: { a: { match: { cluster: ON } } }\n", "yaml-ambiguous 1:33"],
  ["YAML 1.1 y", "nodes: { a: { match: { cluster: y } } }\n", "yaml-ambiguous 1:33"],
  ["YAML 1.1 N", "nodes: { a: { match: { cluster: N } } }\n", "yaml-ambiguous 1:33"],
  ["a bare off as a name", "services: { off: { endpoints: [] } }\n", "yaml-ambiguous 1:13"],
  ["a time of day", "nodes: { a: { match: { id: 12:30:45 } } }\n", "yaml-ambiguous 1:28"],
  ["an octal in the old form", "nodes: { a: { match: { metadata: { x: 017 } } } }\n", "yaml-ambiguous 1:39"],
  ["a number with underscores", "nodes: { a: { match: { metadata: { x: 1_000 } } } }\n", "yaml-ambiguous 1:39"],
  ["a binary number", "nodes: { a: { match: { metadata: { x: 0b11 } } } }\n", "yaml-ambiguous 1:39"],
  ["2^53 + 1", "nodes: { a: { match: { metadata: { x: 9007199254740993 } } } }\n", "unsafe-integer 1:39"],
  ["-2^53 - 1", "nodes: { a: { match: { metadata: { x: -9007199254740993 } } } }\n", "unsafe-integer 1:39"],
  ["2^64", '{"nodes": {"a": {"match": {"metadata": {"x": 18446744073709551616}}}}}', "unsafe-integer 1:46"],
  [
    "a hexadecimal beyond 2^53",
    "nodes: { a: { match: { metadata: { x: 0x20000000000001 } } } }\n",
    "unsafe-integer 1:39",
  ],
  [
    "a key three times",
    "services: {}\nroutes: {}\nservices: {}\nservices: {}\n",
    "duplicate-name 3:1",
    "duplicate-name 4:1",
  ],
  ["a key twice in JSON", '{"services": {}, "services": {}}', "duplicate-name 1:18"],
  [
    "a key twice, once in quotes",
    'services: { a: { endpoints: [] }, "a": { endpoints: [] } }\n',
    "duplicate-name 1:35",
  ],
  ["__proto__ in JSON", '{"services": {"__proto__": {"endpoints": []}}}', "unknown-key 1:15"],
  ["__proto__ at the top", '{"__proto__": {"services": {}}}', "unknown-key 1:2"],
  ["a list of merges", "services:\n  <<: [{ a: 1 }, { b: 2 }]\n", "unknown-key 2:3"],
  ["lists nested too deeply", `services: ${"[".repeat(65)}${"]".repeat(65)}\n`, "yaml-limit 1:76"],
  [
    "aliases that multiply",
    `${["a: &a [x,x,x,x,x,x,x,x,x]", "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]", "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]", "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]", "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]", "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]"].join("\n")}\n`,
    "yaml-limit 6:8",
  ],
  ["a second document with a typo", "services: {}\n---\nservice: {}\n", "unknown-key 3:1"],
  [
    "a name in two documents of a file",
    `services: { a: { endpoints: [] } }\n---\nservices: { a: { endpoints: [] } }\n`,
    "duplicate-name 3:13",
  ],
  [
    "CRLF with a typo on the third line",
    "services:\r\n  a:\r\n    endpoint: []\r\n    endpoints: []\r\n",
    "unknown-key 3:5",
  ],
  ["comments in JSON that are none", '{"services": {} // nothing\n}', "yaml-syntax 1:17"],
  ["keys of tokens among the config", '{ "keys": [{ "kty": "RSA", "n": "AQAB", "e": "AQAB" }] }\n', "unknown-key 1:3"],
];
