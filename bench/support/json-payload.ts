/** JSON as applications send it: repeated keys, changing values. It compresses about three to one. */

export function jsonPayload(lengthBytes: number): Uint8Array {
  let text = '[';
  for (let i = 0; text.length < lengthBytes; i++) {
    const id = Math.imul(i + 1, 2654435761) >>> 0;
    text += `{"id":${id},"name":"user ${(id * 7) % 9973}","isActive":${id % 3 === 0},"score":${(id % 10_007) / 100}},`;
  }
  return Buffer.from(`${text.slice(0, lengthBytes - 1)}]`);
}
