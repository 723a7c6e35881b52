/**
 * The end of a range of keys that begin with a prefix: the first key behind them all.
 * Source: https://etcd.io/docs/v3.6/learning/api/#range
 */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  for (let at = end.length - 1; at >= 0; at -= 1) {
    const byte = end[at] ?? 0xff;
    if (byte === 0xff) continue;
    end[at] = byte + 1;
    return end.subarray(0, at + 1);
  }
  // Zero means: everything from the key on.
  return Buffer.of(0);
}
