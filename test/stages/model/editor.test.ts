/**
 * The JSON Schema in an editor: the YAML language server, which VS Code, Neovim and others use, is given the
 * schema as `fairway schema` prints it and is asked what an editor asks.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { getLanguageService } from "yaml-language-server";
import { TextDocument } from "vscode-languageserver-textdocument";
import { jsonSchema } from "../../../src/model/json-schema.ts";
import { exampleFiles } from "../../support/examples.ts";

const schemaUri = "https://fairway.test/schema.json";

function languageService(): ReturnType<typeof getLanguageService> {
  const service = getLanguageService({
    schemaRequestService: (uri) =>
      uri === schemaUri ? Promise.resolve(JSON.stringify(jsonSchema())) : Promise.reject(new Error(`unknown ${uri}`)),
    workspaceContext: { resolveRelativePath: (path) => path },
  });
  service.configure({ validate: true, hover: true, completion: true, schemas: [] });
  return service;
}

const service = languageService();
/** The server remembers a file by its URI and version. */
let opened = 0;

/** A document as people write it for an editor: the first line names the schema. `|` is where the cursor is. */
function open(text: string): { readonly document: TextDocument; readonly cursor: { line: number; character: number } } {
  const complete = `# yaml-language-server: $schema=${schemaUri}\n${text}`;
  const offset = complete.indexOf("‸");
  opened += 1;
  const document = TextDocument.create(`file:///${opened}.yaml`, "yaml", 1, complete.replace("‸", ""));
  return { document, cursor: document.positionAt(Math.max(0, offset)) };
}

async function complaints(text: string): Promise<readonly string[]> {
  const found = await service.doValidation(open(text).document, false);
  return found.map(
    ({ message, range }) => `${range.start.line}: ${typeof message === "string" ? message : message.value}`,
  );
}

describe("the YAML language server with the schema", () => {
  it.each(exampleFiles())("has nothing against examples/%s", async (_name, path) => {
    expect(await complaints(readFileSync(path, "utf8"))).toEqual([]);
  });

  it("points at a key that does not exist", async () => {
    expect(await complaints("services:\n  shop:\n    endpoint: []\n")).toEqual(
      expect.arrayContaining([expect.stringMatching(/^3: .*endpoint/)]),
    );
  });

  it("points at a value that cannot be", async () => {
    expect(await complaints('services:\n  shop:\n    endpoints: []\n    connectTimeout: "5"\n')).toEqual([
      expect.stringMatching(/^4: /),
    ]);
  });

  it("tells what a key means", async () => {
    const { document, cursor } = open(
      "services:\n  shop:\n    endpoints: []\n    circuit‸Breaker: { maxRequests: 5 }\n",
    );
    expect(JSON.stringify(await service.doHover(document, cursor))).toContain("circuit breaker");
  });

  it("offers the keys of a map", async () => {
    const { document, cursor } = open("services:\n  shop:\n    endpoints: []\n    ‸\n");
    const { items } = await service.doComplete(document, cursor, false);
    const labels = items.map(({ label }) => label);
    expect(labels).toEqual(expect.arrayContaining(["circuitBreaker", "subsets", "healthCheck"]));
    // Envoy's spelling is understood, and offering both would be noise.
    expect(labels).not.toContain("circuit_breaker");
  });

  it("offers the words of a choice", async () => {
    const { document, cursor } = open("services:\n  shop:\n    endpoints: []\n    protocol: ‸\n");
    const { items } = await service.doComplete(document, cursor, false);
    expect(items.map(({ label }) => label)).toEqual(expect.arrayContaining(["http2", "grpc"]));
  });
});
