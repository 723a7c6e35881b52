/**
 * The notation of the corpus of wrong inputs.
 */

/** What is wrong, the file, and each error as `code line:column`, in the order of the file. */
export type WrongInput = readonly [title: string, input: string | Uint8Array, ...expected: string[]];

/** A service that is right, for inputs about something else; it is one line. */
export const shop = `services: { shop: { endpoints: ["10.0.0.1:80"] } }\n`;

/** A raw cluster to which fields are added at four spaces; it is three lines. */
export const rawCluster = `resources:\n  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\n    name: raw\n`;
