/** What programs are made of: opening, echoes, and the ways in which a testee refuses. Each throws when something else comes. */

import { Opcode } from '../../protocol/index.ts';
import { describeBytes } from '../payload.ts';
import { type Head, type HeadChange, statusOf } from './heads.ts';
import { Refused, Unexpected } from './outcome.ts';
import type { Peer, PeerEvent } from './peer.ts';
import type { Program } from './program.ts';

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export const HELLO = utf8('hello');
export const AGAIN = utf8('again');
export const NOTHING = new Uint8Array(0);

// ---- The opening handshake -----------------------------------------------------------------------------------------

/** Opens the connection, from whichever side; of the answer only its status counts. @returns the answer, or the request */
export async function open(peer: Peer, change: HeadChange = {}): Promise<Head> {
  if (peer.role === 'server') {
    await peer.write(peer.responseBytes(change), 'the answer');
    return peer.request!;
  }
  await peer.write(peer.requestBytes(change), 'the request');
  return expectOpened(peer);
}

export async function expectOpened(peer: Peer): Promise<Head> {
  const head = await peer.head();
  if (head === undefined) throw new Unexpected('TCP ended without an answer');
  if (statusOf(head) !== 101) throw new Refused(`the request was answered with ${head.start}`);
  return head;
}

/** An answer of HTTP that says no. */
export async function expectRefused(peer: Peer): Promise<Head> {
  const head = await peer.head();
  if (head === undefined) throw new Unexpected('TCP ended without an answer');
  const status = statusOf(head);
  if (!(status >= 400 && status <= 599)) throw new Unexpected(`the request was answered with ${head.start}`);
  return head;
}

/** Anything but an open WebSocket. */
export async function expectNotOpened(peer: Peer): Promise<void> {
  const head = await peer.head();
  if (head !== undefined && statusOf(head) === 101) throw new Unexpected('the request was accepted');
}

/** A request that a server has to accept, and to echo behind. */
export function takes(change: HeadChange): { server: Program } {
  return {
    async server(peer) {
      await open(peer, change);
      await expectEcho(peer);
    },
  };
}

/** A request that a server has to refuse with an error status (§4.2.1). */
export function refuses(change: HeadChange): { server: Program } {
  return {
    async server(peer) {
      await peer.write(peer.requestBytes(change), 'the request');
      await expectRefused(peer);
    },
  };
}

/** A request for which a server must not open a WebSocket, whatever else it does. */
export function opensNothing(change: HeadChange): { server: Program } {
  return {
    async server(peer) {
      await peer.write(peer.requestBytes(change), 'the request');
      await expectNotOpened(peer);
    },
  };
}

/** An answer on which a client has to fail the connection: a message behind it is not echoed. */
export function fails(change: (peer: Peer) => HeadChange): { client: Program } {
  return {
    async client(peer) {
      await peer.write(peer.responseBytes(change(peer)), 'the answer');
      await peer.send(Opcode.Text, HELLO);
      await expectFailed(peer);
    },
  };
}

/** An answer that a client has to take. */
export function accepts(change: (peer: Peer) => HeadChange): { client: Program } {
  return {
    async client(peer) {
      await peer.write(peer.responseBytes(change(peer)), 'the answer');
      await expectEcho(peer);
    },
  };
}

// ---- Frames --------------------------------------------------------------------------------------------------------

export async function expectEcho(peer: Peer, payload = HELLO, isBinary = false): Promise<void> {
  await peer.send(isBinary ? Opcode.Binary : Opcode.Text, payload);
  await expectMessage(peer, payload, isBinary);
}

/** The next thing that is no pong: those may come unasked. */
async function nextButPongs(peer: Peer): Promise<PeerEvent> {
  for (;;) {
    const event = await peer.next();
    if (event.type !== 'pong') return event;
  }
}

export async function expectMessage(peer: Peer, payload: Uint8Array, isBinary = false): Promise<void> {
  const event = await nextButPongs(peer);
  const type = isBinary ? 'binary' : 'text';
  if (event.type === type && Buffer.compare(event.payload, payload) === 0) return;
  throw new Unexpected(`${wordsOf(event)} came in place of ${type}, ${describeBytes(payload)}`);
}

export async function expectPong(peer: Peer, payload: Uint8Array): Promise<void> {
  const event = await peer.next();
  if (event.type === 'pong' && Buffer.compare(event.payload, payload) === 0) return;
  throw new Unexpected(`${wordsOf(event)} came in place of a pong, ${describeBytes(payload)}`);
}

/** That the connection is failed or closed, and nothing answered before. @returns the Close frame, or the end */
export async function expectFailed(peer: Peer): Promise<PeerEvent> {
  const event = await peer.next();
  if (event.type === 'close' || event.type === 'end') return event;
  throw new Unexpected(`${wordsOf(event)} came, where the connection has to be failed`);
}

/** A Close frame, behind nothing. */
export async function expectClose(peer: Peer): Promise<PeerEvent> {
  const event = await nextButPongs(peer);
  if (event.type === 'close') return event;
  throw new Unexpected(`${wordsOf(event)} came in place of a Close frame`);
}

/** The end of TCP, behind nothing but pongs and a Close frame. */
export async function expectEnd(peer: Peer): Promise<void> {
  for (;;) {
    const event = await peer.next();
    if (event.type === 'end') return;
    if (event.type !== 'close' && event.type !== 'pong') throw new Unexpected(`${wordsOf(event)} came before the end`);
  }
}

/** That the server still serves others. */
export async function expectAlive(peer: Peer): Promise<void> {
  if (peer.role === 'server') return;
  const other = await peer.another();
  await open(other);
  await expectEcho(other, AGAIN);
  other.destroy();
}

export function closeBody(statusCode: number, reason = ''): Uint8Array {
  return Buffer.concat([Uint8Array.of(statusCode >>> 8, statusCode & 0xff), utf8(reason)]);
}

export function wordsOf({ type, payload }: PeerEvent): string {
  return type === 'end' ? 'the end of TCP' : `${type}, ${describeBytes(payload)}`;
}

/** Opens the connection, sends frames, and asks that the testee fail the connection. */
export function failsOn(send: (peer: Peer) => Promise<void>): Program {
  return async (peer) => {
    await open(peer);
    await send(peer);
    await expectFailed(peer);
  };
}
