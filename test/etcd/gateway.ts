/** What etcd can do and Fairway never asks of it, over etcd's own JSON gateway. */

interface GatewayAnswer {
  readonly token?: string;
  readonly TTL?: string;
}

export async function postToEtcd(
  endpoint: string,
  path: string,
  body: Readonly<Record<string, unknown>>,
  token?: string,
): Promise<GatewayAnswer> {
  const response = await fetch(`http://${endpoint}/v3/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: token === undefined ? {} : { authorization: token },
  });
  if (!response.ok) throw new Error(`etcd answers ${response.status} to ${path}: ${await response.text()}`);
  return (await response.json()) as GatewayAnswer;
}
