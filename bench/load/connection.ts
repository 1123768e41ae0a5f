/**
 * One connection of the load: a socket that reads into a buffer shared by all of them and writes past the stream's
 * queue where Node.js lets it, since the generator must not be the bottleneck. Does the opening handshake.
 */

import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { Target } from './contract.ts';

export const READ_BYTES = 128 * 1024;
const shared = Buffer.allocUnsafeSlow(READ_BYTES);

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const MAX_HEAD_BYTES = 8192;
const END_OF_HEAD = '\r\n\r\n';

export function requestFor(offer?: string, { path = '/', subprotocol }: Partial<Target['request'] & object> = {}) {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Version: 13',
    ...(offer === undefined ? [] : [`Sec-WebSocket-Extensions: ${offer}`]),
    ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
    END_OF_HEAD.slice(2),
  ].join('\r\n');
}

/** Whether a head is a server's 101 to one of these requests. */
export function isAccepted(head: string): boolean {
  return head.startsWith('HTTP/1.1 101 ') && head.includes(ACCEPT);
}

/** Bytes [start … end) of the shared buffer have arrived. */
export type Receive = (bytes: Buffer, start: number, end: number) => void;

export interface LoadConnection {
  readonly socket: Socket;
  /** Called with all that arrives behind the handshake. */
  receive: Receive;
  /** The server has ended the connection. Default: a failure. */
  ended: () => void;
  /** `bytes` stays as it is until the kernel has it. */
  write(bytes: Uint8Array): void;
}

/** Every failure of a connection ends the run: a load that loses connections measures something else. */
function fail(message: string): never {
  process.stderr.write(`load: ${message}\n`);
  process.exit(1);
}

/** Loopback has many addresses on Linux: with several, the number of ports does not limit the number of connections. */
let opened = 0;
function nextLocalAddress(): string {
  return process.platform === 'linux' ? `127.0.0.${1 + (opened++ % 8)}` : '127.0.0.1';
}

/**
 * Resolves when the connection is open.
 * @param offer the value of Sec-WebSocket-Extensions
 * @param opened sets `receive`, where servers may speak first
 */
export function open(
  { port, isRaw, request }: Target,
  offer?: string,
  opened?: (connection: LoadConnection) => void,
): Promise<LoadConnection> {
  return new Promise((resolve) => {
    let head = '';
    const socket = connect({
      port,
      host: '127.0.0.1',
      localAddress: nextLocalAddress(),
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (count) => {
          connection.receive(shared, 0, count);
          return true;
        },
      },
    });
    const connection: LoadConnection = {
      socket,
      receive(bytes, start, end) {
        head += bytes.toString('latin1', start, end);
        const headEnd = head.indexOf(END_OF_HEAD);
        if (headEnd < 0 && head.length < MAX_HEAD_BYTES) return;
        if (!isAccepted(head) || (offer !== undefined && !head.includes('permessage-deflate')))
          fail(`not accepted: ${head}`);
        opened?.(connection);
        const restBytes = head.length - headEnd - END_OF_HEAD.length;
        if (restBytes > 0 && opened === undefined) fail('bytes behind the handshake that nobody asked for');
        if (restBytes > 0) connection.receive(bytes, end - restBytes, end);
        resolve(connection);
      },
      ended: () => fail('the server ended a connection'),
      write: (bytes) => socket.write(bytes),
    };
    socket.on('error', (error) => fail(`${error.message}`));
    socket.on('end', () => connection.ended());
    socket.on('connect', () => {
      connection.write = directWriter(socket) ?? connection.write;
      if (isRaw) resolve(connection);
      else socket.write(requestFor(offer, request));
    });
  });
}

const OPENING_AT_ONCE = 100;

export async function openMany(
  target: Target,
  count: number,
  offer?: string,
  opened?: (connection: LoadConnection) => void,
): Promise<LoadConnection[]> {
  const connections: LoadConnection[] = [];
  while (connections.length < count) {
    const more = Math.min(OPENING_AT_ONCE, count - connections.length);
    connections.push(...(await Promise.all(Array.from({ length: more }, () => open(target, offer, opened)))));
  }
  return connections;
}

interface WriteRequest {
  oncomplete: (status: number) => void;
  bytes?: Uint8Array;
}
interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
}
interface StreamHandle {
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
}

/** Node.js's own binding to libuv's streams: half the cost of a small write. Nothing for a library; fair for a load. */
function streamBinding(): StreamBinding | undefined {
  try {
    const { binding } = process as unknown as { binding(name: string): StreamBinding };
    const found = binding.call(process, 'stream_wrap');
    return typeof found.kLastWriteWasAsync === 'number' ? found : undefined;
  } catch {
    return undefined;
  }
}

const binding = streamBinding();
let idleRequest: WriteRequest | undefined;

function writeDone(status: number): void {
  if (status < 0) fail(`a write failed: ${status}`);
}

function directWriter(socket: Socket): ((bytes: Uint8Array) => void) | undefined {
  const { _handle: handle } = socket as unknown as { _handle: Partial<StreamHandle> | null };
  if (binding === undefined || typeof handle?.writeBuffer !== 'function') return undefined;
  const { WriteWrap, streamBaseState, kLastWriteWasAsync } = binding;
  return (bytes) => {
    const request = idleRequest ?? new WriteWrap();
    idleRequest = undefined;
    request.oncomplete = writeDone;
    const error = handle.writeBuffer!(request, bytes);
    if (error !== 0) fail(`a write failed: ${error}`);
    // A request that the kernel has not taken at once stays with its bytes; others can be used again.
    if (streamBaseState[kLastWriteWasAsync] !== 0) request.bytes = bytes;
    else idleRequest = request;
  };
}
