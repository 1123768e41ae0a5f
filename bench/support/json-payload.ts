/** JSON as applications send it: repeated keys, changing values. It compresses about three to one. */

/** @param first where its numbers begin: payloads that are to differ begin far from one another */
export function jsonPayload(lengthBytes: number, first = 1): Uint8Array {
  let text = '[';
  for (let i = first; text.length < lengthBytes; i++) {
    const id = Math.imul(i, 2654435761) >>> 0;
    text += `{"id":${id},"name":"user ${(id * 7) % 9973}","isActive":${id % 3 === 0},"score":${(id % 10_007) / 100}},`;
  }
  return Buffer.from(`${text.slice(0, lengthBytes - 1)}]`);
}
