/**
 * `secrets`: certificates and their keys, the authorities that certificates are checked against, and lists of who may
 * come in.
 *
 * A secret is never written into a config file: each part says where it is, so that config can be reviewed,
 * copied and quoted in a diagnostic.
 */
import { block, refuse, scalar } from "./schema-scalars.ts";

const places = ["file", "nodeFile", "fromEnv", "fromEtcd"] as const;

const secretText = block({
  file: scalar("text")
    .optional()
    .meta({ description: "A PEM file beside Fairway, relative to this config file; watched." }),
  nodeFile: scalar("text")
    .optional()
    .meta({ description: "A PEM file beside Envoy, which reads and watches it itself." }),
  fromEnv: scalar("variable").optional().meta({ description: "A variable of Fairway's environment that holds PEM." }),
  fromEtcd: scalar("secretKey")
    .optional()
    .meta({ description: "A key of etcd below /fairway/secrets/ whose value is PEM; watched. Needs `--etcd`." }),
}).superRefine((text, context) => {
  const written = places.filter((place) => text[place] !== undefined);
  if (written.length === 1) return;
  const hint = "for example `{ file: certs/example.pem }`";
  if (written.length === 0) {
    refuse(context, {
      code: "missing-key",
      message: "one of `file`, `nodeFile`, `fromEnv` and `fromEtcd` is needed",
      hint,
    });
    return;
  }
  const message = `a secret comes from one place, not from ${written.join(" and ")}`;
  refuse(context, { code: "invalid-value", message, hint: "keep one of them", path: [written[1] ?? "file"] });
});

export const secretSchema = block({
  certificate: secretText
    .optional()
    .meta({ description: "The certificate, followed by those between it and the authority." }),
  privateKey: secretText.optional().meta({ description: "The key of `certificate`, without a passphrase." }),
  ca: secretText.optional().meta({ description: "The certificates of authorities that are trusted." }),
  users: secretText.optional().meta({ description: "Names and hashed passwords, as `htpasswd -s` writes them." }),
  clientSecret: secretText.optional().meta({ description: "What proves to a login who the application is." }),
  apiKeys: secretText.optional().meta({ description: "Clients and their keys, a line each: name, colon, key." }),
})
  .superRefine((secret, context) => {
    const { certificate, privateKey, ca } = secret;
    const hint = "write `certificate` and `privateKey`, or one of `ca`, `users`, `apiKeys`, `clientSecret` alone";
    const alone = (["users", "apiKeys", "clientSecret"] as const).find((key) => secret[key] !== undefined);
    if (alone !== undefined) {
      if (Object.values(secret).filter((part) => part !== undefined).length > 1) {
        const message = `\`${alone}\` is a secret of its own`;
        refuse(context, { code: "invalid-value", message, hint, path: [alone] });
      } else if (secret[alone]?.nodeFile !== undefined) {
        const message =
          alone === "clientSecret"
            ? "Fairway makes the key of the cookies from it, and cannot read it there"
            : "a list is read by Fairway, which tells it to the filters";
        refuse(context, { code: "invalid-value", message, hint: "write `file`", path: [alone, "nodeFile"] });
      }
      return;
    }
    if (ca !== undefined && (certificate ?? privateKey) !== undefined) {
      const message = "`ca` is a secret of its own, beside that of `certificate` and `privateKey`";
      refuse(context, { code: "invalid-value", message, hint, path: ["ca"] });
    } else if (ca === undefined && certificate === undefined) {
      refuse(context, { code: "missing-key", message: "`certificate` is missing", hint });
    } else if (ca === undefined && privateKey === undefined) {
      refuse(context, { code: "missing-key", message: "`privateKey` is missing", hint });
    }
  })
  .meta({
    description:
      "A certificate with its key, authorities, or a list of who may come in; for the Envoys that use it, and shown nowhere.",
    examples: [{ certificate: { file: "certs/example.pem" }, privateKey: { file: "certs/example.key" } }],
  });
