/**
 * Warnings about logins: paths that no rule with the login takes, and claims that nothing reads a token for.
 */
import { expect, it } from "vitest";
import { lintText } from "../../support/lint-text.ts";

/** Nothing of a file with secrets is quoted, so they are in one of their own. */
const secrets = "secrets: { k: { clientSecret: { fromEnv: SECRET } } }\n";
const services =
  'services: { s: { endpoints: ["10.0.0.1:80"] } }\ngateways: { g: { listeners: [{ name: h, port: 80 }] } }\n';

function part(rest = ""): string {
  const provider = '{ authorizationEndpoint: "https://l.test/a", tokenEndpoint: "http://l.test/t", service: s }';
  return `oidc: { provider: ${provider}, clientID: c, clientSecret: k${rest} }`;
}

/** Rules for these paths have the login, and one for another path has none. */
function loginOn(
  paths: readonly string[],
  rest: { readonly other?: string; readonly redirectURL?: string } = {},
): string {
  const { other = "/other", redirectURL } = rest;
  const login = part(redirectURL === undefined ? "" : `, redirectURL: "${redirectURL}"`);
  const rules = paths.map((path) => `{ matches: [${path}], policies: [in], backends: [{ service: s }] }`);
  const last = `{ matches: [{ path: ${other} }], backends: [{ service: s }] }`;
  return `policies:\n  in: { ${login} }\n${services}routes: { r: { rules: [${[...rules, last].join(", ")}] } }\n`;
}

const [back, out] = ["login-path-unrouted /oauth2/callback", "login-path-unrouted /logout"];

it.each([
  ["a login for all paths", loginOn(["{ path: / }"]), []],
  [
    "a login whose paths have rules of their own",
    loginOn(["{ path: /shop }", "{ path: { exact: /oauth2/callback } }", "{ path: { regex: /log.* } }"]),
    [],
  ],
  ["a login for some paths, without its own", loginOn(["{ path: /shop }"]), [out, back]],
  ["a login whose paths are only similar", loginOn(["{ path: /oauth }", "{ path: /logout/x }"]), [out, back]],
  [
    "a login whose callback is for other methods",
    loginOn(["{ path: /oauth2, method: POST }", "{ path: /logout }"]),
    [back],
  ],
  ["a login without a way out", loginOn(["{ path: /oauth2/callback }"]), [out]],
  ["a login whose callback another rule takes", loginOn(["{ path: / }"], { other: "/oauth2" }), [back]],
  ["a login that comes back to another host", loginOn(["{ path: /logout }"], { redirectURL: "https://l.test/b" }), []],
])("says of %s which paths lead nowhere", (_, text, expected) => {
  const found = lintText({ "fairway.yaml": text, "secrets.yaml": secrets });
  const shown = found.map(({ code, message, at, hint, source }) => {
    expect([at.line, hint !== undefined, source !== undefined]).toEqual([2, true, true]);
    return `${code} ${message.split("`")[3]}`;
  });
  expect(shown).toEqual(expected);
});

it("says that a login alone gives no claims", () => {
  const who = "who: { authorization: { rules: [{ action: allow, claims: [{ name: role, values: [a] }] }] } }";
  const routes = "routes: { r: { policies: [in, who], rules: [{ backends: [{ service: s }] }] } }\n";
  const text = `policies:\n  in: { ${part()} }\n  ${who}\n${services}${routes}`;
  const [found, ...others] = lintText({ "fairway.yaml": text, "secrets.yaml": secrets });
  expect(found?.code).toBe("claims-without-token");
  expect(found?.hint).toContain("`forwardAccessToken: true`");
  expect(others).toEqual([]);
});
