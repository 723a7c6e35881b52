/**
 * Secrets and the files that they name: what is read, what is refused, and that nothing of it is quoted.
 */
import { describe, expect, test } from "vitest";
import { pathOfSecretKey, secretKeyOf } from "../../../src/config/etcd-secret-keys.ts";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import type { Intent } from "../../../src/model/intent.ts";
import { createParseCache, parseIntent } from "../../../src/model/parse-intent.ts";
import type { ReferencedContent } from "../../../src/model/resolve-secrets.ts";
import { pem } from "../../support/certificates.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { documentOf, summarize } from "./parse-text.ts";

const config = `secrets:
  one:
    certificate: { file: certs/one.pem }
    privateKey: { file: /etc/keys/../one.key }
  local: { certificate: { nodeFile: /etc/a.pem }, privateKey: { nodeFile: /etc/a.key } }
  ca: { ca: { fromEnv: CA } }
`;

const paths = { certificate: "conf/certs/one.pem", key: "/etc/one.key" };
const good = { [paths.certificate]: pem("one.pem"), [paths.key]: pem("one.key") };

function parse(
  files: Readonly<Record<string, string>>,
  rest: Partial<ReferencedContent> & { readonly text?: string } = {},
): {
  readonly diagnostics: readonly Diagnostic[];
  readonly intent: Intent | undefined;
  readonly files: readonly string[];
} {
  const documents = [documentOf("conf/main.yaml", rest.text ?? config)];
  const content: ReferencedContent = {
    files: Object.entries(files).map(([path, text]) => documentOf(path, text)),
    problems: [],
    environment: { CA: pem("ca.pem") },
    nowMs: Date.UTC(2026, 10, 22),
    ...rest,
  };
  return withoutUnused(parseIntent({ documents, problems: [], api: envoyApi, content }));
}

/** That nothing here uses the secrets is not what these tests are about. */
function withoutUnused<T extends { readonly diagnostics: readonly Diagnostic[] }>(parsed: T): T {
  return { ...parsed, diagnostics: parsed.diagnostics.filter(({ code }) => code !== "unused-definition") };
}

describe("the files that a document names", () => {
  test("are known without their content, relative to the document and normalized", () => {
    const named = parseIntent({ documents: [documentOf("conf/main.yaml", config)], problems: [], api: envoyApi });
    const files = [paths.key, paths.certificate];
    expect(withoutUnused(named)).toEqual({
      diagnostics: [],
      intent: undefined,
      outside: ["ca"],
      files,
      registered: [],
      validities: [],
      splits: [],
    });
  });

  test("are known beside a mistake in the same document", () => {
    const text = `${config}services: { shop: { endpoint: [] } }\n`;
    expect(parse({}, { text }).files).toEqual([paths.key, paths.certificate]);
  });

  test("become secrets with their content, as do variables; paths on the Envoy stay paths", () => {
    const { intent, diagnostics } = parse(good);
    expect(diagnostics).toEqual([]);
    expect(intent?.secrets).toMatchObject([
      { name: "ca", kind: "ca", ca: { kind: "inline", pem: pem("ca.pem") } },
      { name: "local", kind: "certificate", privateKey: { kind: "nodeFile", path: "/etc/a.key" } },
      { name: "one", kind: "certificate", certificate: { kind: "inline", pem: pem("one.pem") } },
    ]);
  });

  test("keep a secret the same object while they stay the same", () => {
    const cache = createParseCache();
    const documents = [documentOf("conf/main.yaml", config)];
    const secretsOf = (key: string) => {
      const files = [documentOf(paths.certificate, pem("one.pem")), documentOf(paths.key, key)];
      const content = { files, problems: [], environment: { CA: pem("ca.pem") }, nowMs: Date.UTC(2026, 1) };
      return parseIntent({ documents, problems: [], api: envoyApi, cache, content }).intent?.secrets ?? [];
    };
    const [first, second, third] = [pem("one.key"), pem("one.key"), `${pem("one.key")}\n`].map(secretsOf);
    expect(first?.map((secret, index) => secret === second?.[index])).toEqual([true, true, true]);
    expect(first?.map((secret, index) => secret === third?.[index])).toEqual([true, true, false]);
  });
});

describe("a secret is refused at the line that names its file when", () => {
  const at = (line: number, column: number) => ({ file: "conf/main.yaml", line, column });
  const cases: readonly [string, Readonly<Record<string, string>>, Partial<Diagnostic>][] = [
    [
      "the file is missing",
      { [paths.key]: pem("one.key") },
      { code: "source-missing", at: at(3, 26), message: "conf/certs/one.pem does not exist" },
    ],
    [
      "it is no PEM",
      { ...good, [paths.certificate]: "0\u0082\u0001" },
      { code: "invalid-secret", at: at(3, 26), message: "conf/certs/one.pem holds no certificate in PEM" },
    ],
    [
      "certificate and key are exchanged",
      { [paths.certificate]: pem("one.key"), [paths.key]: pem("one.pem") },
      { code: "invalid-secret", at: at(3, 26), hint: "it holds a private key: are the two files exchanged?" },
    ],
    [
      "the certificate is damaged",
      { ...good, [paths.certificate]: pem("one.pem").replace("MII", "AAA") },
      { code: "invalid-secret", message: "conf/certs/one.pem holds a certificate that cannot be read, number 1 of 1" },
    ],
    [
      "the key is damaged",
      { ...good, [paths.key]: pem("one.key").replace("MIG", "AAA") },
      { code: "invalid-secret", at: at(4, 25), message: "/etc/one.key holds a private key that cannot be read" },
    ],
    [
      "the key has a passphrase",
      { ...good, [paths.key]: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END ENCRYPTED PRIVATE KEY-----\n" },
      { code: "invalid-secret", at: at(4, 25), message: "/etc/one.key holds a key that has a passphrase" },
    ],
    [
      "the key belongs to another certificate",
      { ...good, [paths.key]: pem("two.key") },
      {
        code: "invalid-secret",
        at: at(4, 25),
        message: "/etc/one.key holds a key that does not belong to the certificate",
      },
    ],
  ];
  test.each(cases)("%s", (_, files, expected) => {
    const { diagnostics, intent } = parse(files);
    expect(intent).toBeUndefined();
    expect(diagnostics[0]).toMatchObject({ severity: "error", ...expected });
    for (const line of pem("one.key").split("\n").slice(1, -2)) expect(JSON.stringify(diagnostics)).not.toContain(line);
  });

  test("a file could not be read, even if there is content from before", () => {
    const problem = { code: "source-unreadable", path: paths.key, message: `${paths.key} cannot be read` } as const;
    const { diagnostics } = parse(good, { problems: [problem] });
    expect(diagnostics).toMatchObject([{ code: "source-unreadable", at: at(4, 25), message: problem.message }]);
  });

  test("a variable is not set", () => {
    const { diagnostics } = parse(good, { environment: {} });
    expect(diagnostics).toMatchObject([
      { code: "invalid-secret", at: at(6, 24), message: "the variable CA is not set" },
    ]);
  });

  test("the same name is there twice, or no secret has it, or it is of the other kind", () => {
    const text = `${config}  one: { ca: { fromEnv: CA } }\n`;
    expect(summarize(parse(good, { text }).diagnostics).length).toBeGreaterThan(0);
    const listener = (tls: string) =>
      `${config}gateways: { public: { listeners: [{ name: a, port: 443, protocol: HTTPS, tls: ${tls} }] } }\n`;
    const messages = (tls: string) =>
      parse(good, { text: listener(tls) }).diagnostics.map(({ message, hint }) => [message, hint]);
    expect(messages("{ secret: [one, onne] }")).toEqual([["there is no secret `onne`", "did you mean `one`?"]]);
    expect(messages("{ secret: ca }")).toEqual([["secret `ca` has no part `certificate`", "its parts: ca"]]);
    expect(messages("{ secret: one, clientCa: local }")).toEqual([
      ["secret `local` has no part `ca`", "its parts: certificate, privateKey"],
    ]);
  });
});

describe("dates are only warned about:", () => {
  const warnings = (nowMs: number, certificate = pem("one.pem"), key = pem("one.key")) => {
    const { diagnostics, intent } = parse({ [paths.certificate]: certificate, [paths.key]: key }, { nowMs });
    expect(intent).toBeDefined();
    return diagnostics.map(({ code, severity, message }) => `${severity} ${code}: ${message}`);
  };

  test("a certificate that has expired", () => {
    expect(warnings(Date.UTC(2026, 1), pem("expired.pem"), pem("expired.key"))).toEqual([
      "warning certificate-dates: conf/certs/one.pem has expired on 2021-01-01",
    ]);
  });

  test("one that expires within a week, and an authority that does", () => {
    expect(warnings(Date.UTC(2119, 11, 28))).toEqual([
      "warning certificate-dates: conf/certs/one.pem expires on 2120-01-01",
      "warning certificate-dates: the variable CA expires on 2120-01-01",
    ]);
    expect(warnings(Date.UTC(2119, 11, 20))).toEqual([]);
  });

  test("one that is not valid yet", () => {
    expect(warnings(Date.UTC(2019, 1))[0]).toBe(
      "warning certificate-dates: conf/certs/one.pem is not valid before 2020-01-01",
    );
  });
});

describe("the hostnames of a listener are compared with its certificates:", () => {
  const warnings = (hostnames: string, secret = "one") => {
    const text = `${config}gateways:
  public:
    listeners:
      - { name: plain, port: 80 }
      - { name: a, port: 443, protocol: HTTPS, ${hostnames} tls: { secret: ${secret} } }
`;
    return parse(good, { text }).diagnostics.map(({ code, message, at }) => [code, at.line, message]);
  };

  test("one that no certificate is for", () => {
    expect(warnings("hostnames: [one.test, two.test],")).toEqual([
      ["certificate-hostnames", 11, "the certificate is for one.test, and not for two.test: clients refuse it there"],
    ]);
    expect(warnings("hostnames: ['*.one.test'],")[0]?.[0]).toBe("certificate-hostnames");
  });

  test.each([
    ["the right one", "hostnames: [one.test],"],
    ["a wildcard, of which the certificate covers some", "hostnames: ['*.test'],"],
    ["every hostname", ""],
    ["a certificate that lies on the Envoy", "hostnames: [two.test],", "local"],
    ["two certificates, one of which is not known", "hostnames: [two.test],", "[one, local]"],
  ])("silent about %s", (_, hostnames, secret = "one") => {
    expect(warnings(hostnames, secret)).toEqual([]);
  });
});

describe("a secret says where each part is:", () => {
  const message = (secret: string) => {
    const { diagnostics } = parse({}, { text: `secrets: { a: ${secret} }` });
    return diagnostics.map(({ code, message: text }) => `${code}: ${text}`);
  };

  test.each([
    ["{}", "missing-key: `certificate` is missing"],
    ["{ certificate: { fromEnv: CA } }", "missing-key: `privateKey` is missing"],
    ["{ privateKey: { fromEnv: CA } }", "missing-key: `certificate` is missing"],
    ["{ ca: {} }", "missing-key: one of `file`, `nodeFile`, `fromEnv` and `fromEtcd` is needed"],
    ["{ ca: { file: a, nodeFile: b } }", "invalid-value: a secret comes from one place, not from file and nodeFile"],
    [
      "{ ca: { fromEnv: CA }, certificate: { fromEnv: CA }, privateKey: { fromEnv: CA } }",
      "invalid-value: `ca` is a secret of its own, beside that of `certificate` and `privateKey`",
    ],
  ])("%s is refused", (secret, expected) => {
    expect(message(secret)).toEqual([expected]);
  });

  test("a text where a place is meant is not repeated", () => {
    const { diagnostics } = parse({}, { text: `secrets: { a: { ca: hunter2, certificat: hunter2 } }` });
    expect(diagnostics.length).toBe(2);
    expect(JSON.stringify(diagnostics)).not.toContain("hunter2");
  });
});

describe("a secret in etcd", () => {
  const text = `secrets:
  one: { certificate: { fromEtcd: shop/tls.crt }, privateKey: { fromEtcd: shop/tls.key } }
  team: { users: { fromEtcd: team.users } }
  clients: { apiKeys: { fromEtcd: shop/clients } }
  login: { clientSecret: { fromEtcd: login } }
  ca: { ca: { fromEtcd: ca } }
`;
  const path = pathOfSecretKey;
  const held = {
    [path("shop/tls.crt")]: pem("one.pem"),
    [path("shop/tls.key")]: pem("one.key"),
    [path("team.users")]: "ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
    [path("shop/clients")]: "partner:hunter2\n",
    [path("login")]: "hunter3\n",
    [path("ca")]: pem("ca.pem"),
  };

  test("is asked for by its key, and read like a file, of every kind", () => {
    const { files, diagnostics, intent } = parse(held, { text });
    expect(files).toEqual(Object.keys(held).toSorted());
    expect(diagnostics).toEqual([]);
    expect(intent?.secrets).toMatchObject([
      { name: "ca", ca: { kind: "inline", pem: pem("ca.pem") } },
      { name: "login", clientSecret: "hunter3" },
      { name: "one", certificate: { kind: "inline", pem: pem("one.pem") }, privateKey: { pem: pem("one.key") } },
    ]);
  });

  test("that does not fit, or could not be read, is told at its line by its key", () => {
    const at = (line: number, column: number) => ({ file: "conf/main.yaml", line, column });
    const wrong = parse(
      { ...held, [path("shop/tls.key")]: pem("two.key"), [path("shop/clients")]: "hunter2" },
      { text },
    );
    expect(wrong.intent).toBeUndefined();
    expect(wrong.diagnostics).toMatchObject([
      {
        code: "invalid-secret",
        at: at(2, 75),
        message: "etcd:/fairway/secrets/shop/tls.key holds a key that does not belong to the certificate",
      },
      {
        code: "invalid-secret",
        at: at(4, 35),
        message: expect.stringContaining("etcd:/fairway/secrets/shop/clients has no") as string,
      },
    ]);
    expect(JSON.stringify(wrong.diagnostics)).not.toContain("hunter2");
    const { [path("login")]: _, ...others } = held;
    const problem = { code: "secret-missing", path: path("login"), message: "gone", hint: "put it there" } as const;
    const gone = parse(others, { text, problems: [problem] });
    expect(gone.diagnostics).toMatchObject([
      { code: "secret-missing", at: at(5, 38), message: "gone", hint: "put it there" },
    ]);
  });

  test("that nobody has read makes a config that can be looked at, and no sentence about what it holds", () => {
    const { diagnostics, intent } = parse({}, { text, unread: new Set(Object.keys(held)) });
    expect(diagnostics).toEqual([]);
    expect(intent?.secrets).toMatchObject([
      { name: "ca", ca: { kind: "unread", place: "etcd:/fairway/secrets/ca" } },
      { name: "login", kind: "clientSecret" },
      { name: "one", certificate: { kind: "unread" }, privateKey: { kind: "unread" } },
    ]);
  });

  test("is examined also when it holds the words that stand in for what was not read", () => {
    const { diagnostics } = parse(
      { [path("ca")]: "etcd:/fairway/secrets/ca" },
      { text: "secrets: { ca: { ca: { fromEtcd: ca } } }" },
    );
    expect(diagnostics).toMatchObject([{ code: "invalid-secret" }]);
  });

  test.each([
    "/shop",
    "shop/",
    "shop//tls",
    "../config/main.yaml",
    "shop/../../config",
    "shop/..",
    "./shop",
    "shop/./tls",
    "a b",
    "a\u0000b",
    "schlüssel",
    "*",
    "a".repeat(401),
    "",
  ])("cannot be outside of its prefix or have a name that is none: %j", (name) => {
    const { diagnostics, files } = parse({}, { text: `secrets: { a: { ca: { fromEtcd: ${JSON.stringify(name)} } } }` });
    expect(diagnostics).toMatchObject([{ severity: "error" }]);
    expect(files).toEqual([]);
  });

  test.each(["a", "shop/tls.crt", "..shop", "shop/...", "a".repeat(400), "-/_"])("may be called %s", (name) => {
    const { files } = parse({}, { text: `secrets: { a: { ca: { fromEtcd: ${JSON.stringify(name)} } } }` });
    expect(files).toEqual([`etcd:///fairway/secrets/${name}`]);
  });

  test("is no file: nothing that is shown to everybody can be made of it", () => {
    const files = ["../secrets/shop/tls.key", "etcd:///fairway/secrets/shop/tls.key", "//fairway/secrets/shop/tls.key"];
    for (const file of files) {
      const document = documentOf("etcd:/fairway/config/main.yaml@7", `policies: { p: { lua: { file: "${file}" } } }`);
      const named = parseIntent({ documents: [document], problems: [], api: envoyApi }).files;
      expect(named.length).toBe(1);
      expect(named.filter((each) => secretKeyOf(each) !== undefined)).toEqual([]);
    }
  });
});
