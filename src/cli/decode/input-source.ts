/** Where the bytes of `framewright decode` come from: a file or standard input, piece by piece, unpacked if gzip packed it. */

import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UsageError } from '../usage.ts';

const CHUNK_BYTES = 64 * 1024;
/** What is not read piece by piece. */
const MAX_WHOLE_BYTES = 512 * 1024 * 1024;

/** The pieces, none of them empty. @throws {UsageError} when it cannot be read or unpacked */
export async function* readPieces(path: string | 0, name: string): AsyncGenerator<Uint8Array> {
  const file = path === 0 ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const pieces = guarded(file, (message) => `cannot read ${name}: ${message}`);
  const { start, rest } = await peek(pieces, 2);
  const isPacked = start[0] === 0x1f && start[1] === 0x8b;
  if (!isPacked) {
    if (start.length > 0) yield start;
    yield* rest;
    return;
  }
  const gunzip = createGunzip();
  pipeline(
    (async function* () {
      yield start;
      yield* rest;
    })(),
    gunzip,
    () => {},
  );
  yield* guarded(gunzip, (message) => `${name} cannot be unpacked: ${message}`);
}

async function* guarded(stream: Readable, explain: (message: string) => string): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of stream) yield piece as Uint8Array;
  } catch (error) {
    throw new UsageError(explain((error as Error).message), { cause: error });
  }
}

/** The first bytes, as many at least if there are, and the pieces behind them. */
export async function peek(
  pieces: AsyncGenerator<Uint8Array>,
  byteCount: number,
): Promise<{ start: Uint8Array; rest: AsyncGenerator<Uint8Array> }> {
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < byteCount) {
    const { value, done } = await pieces.next();
    if (done) break;
    first.push(value);
    length += value.length;
  }
  return { start: Buffer.concat(first), rest: pieces };
}

/** All of it. @throws {UsageError} when it is too much */
export async function readWhole(
  start: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
  name: string,
): Promise<Uint8Array> {
  const pieces = [start];
  let length = start.length;
  for await (const piece of rest) {
    pieces.push(piece);
    length += piece.length;
    if (length > MAX_WHOLE_BYTES) throw new UsageError(`${name} is longer than ${MAX_WHOLE_BYTES} bytes`);
  }
  return Buffer.concat(pieces);
}
