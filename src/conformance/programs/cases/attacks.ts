/**
 * A: what has brought down implementations that people trusted, as far as it shows from outside: the testee refuses, and
 * goes on serving others.
 */

import { constants, deflateRawSync } from 'node:zlib';
import { Opcode } from '../../../protocol/index.ts';
import { deflated, EXTENSIONS, openDeflate } from '../extensions.ts';
import { closeBody, expectAlive, expectClose, expectFailed, expectNotOpened, HELLO, NOTHING, open } from '../moves.ts';
import type { Peer } from '../peer.ts';
import { inBothRoles, type Program, type ProgramCase, programCase } from '../program.ts';

const MEBIBYTE = 1024 * 1024;
/** More than any testee of these cases takes: the largest message of the others has 16 MiB. */
const TOO_MANY_MEBIBYTES = 160;
const FRAGMENTS = 200_000;
const FRAGMENTS_PER_WRITE = 10_000;
const HEAD_PIECES = 256;

function zeroKey({ role }: Peer): { maskingKey: number | undefined } {
  return { maskingKey: role === 'client' ? 0 : undefined };
}

/** Writes the same octets until the testee says something, or so many times. */
async function pour(peer: Peer, bytes: Uint8Array, times: number): Promise<void> {
  for (let i = 0; i < times && !peer.hasNews; i++) if (!(await peer.write(bytes))) return;
}

/** §10.4 asks it of those who have limits, which nobody can see from outside. */
function bounded(id: string, summary: string, attack: Program): ProgramCase {
  return programCase(
    id,
    '§10.4',
    'SHOULD',
    summary,
    'the connection is failed, and the next one is served',
    inBothRoles(async (peer) => {
      await attack(peer);
      await expectFailed(peer);
      await expectAlive(peer);
    }),
  );
}

/** 1 MiB of zeros, in a block to which nothing refers. */
function compressedMebibyte(): Buffer {
  return deflateRawSync(Buffer.alloc(MEBIBYTE), { finishFlush: constants.Z_FULL_FLUSH });
}

/** A request that a server may refuse as it likes; afterwards it is alive. */
function survives(id: string, clause: string, summary: string, ...fields: readonly string[]): ProgramCase {
  return programCase(id, clause, 'SHOULD', summary, 'is refused or accepted, and the next connection is served', {
    async server(peer) {
      const lines = { Upgrade: [...fields, 'Upgrade: websocket'] };
      await peer.write(peer.requestBytes({ lines }), 'the request');
      await peer.head();
      await expectAlive(peer);
    },
  });
}

export const ATTACK_CASES: readonly ProgramCase[] = [
  bounded('A.1.1', `a message of ${TOO_MANY_MEBIBYTES} MiB, in fragments`, async (peer) => {
    await open(peer);
    await peer.send(Opcode.Binary, HELLO, { fin: false });
    const fragment = peer.frame(Opcode.Continuation, new Uint8Array(MEBIBYTE), { fin: false, ...zeroKey(peer) });
    await pour(peer, fragment, TOO_MANY_MEBIBYTES);
  }),
  programCase(
    'A.1.2',
    '§5.4',
    'SHOULD',
    `a message of ${FRAGMENTS} empty fragments`,
    'the empty message is echoed, or the connection is failed; the next one is served',
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.send(Opcode.Binary, NOTHING, { fin: false });
      const fragment = peer.frame(Opcode.Continuation, NOTHING, { fin: false });
      const fragments = Buffer.concat(Array.from({ length: FRAGMENTS_PER_WRITE }, () => fragment));
      await pour(peer, fragments, FRAGMENTS / FRAGMENTS_PER_WRITE);
      await peer.send(Opcode.Continuation, NOTHING);
      await peer.next();
      await expectAlive(peer);
    }),
  ),
  bounded('A.1.3', `a compressed message of 160 KB that becomes ${TOO_MANY_MEBIBYTES} MiB`, async (peer) => {
    await openDeflate(peer);
    const piece = compressedMebibyte();
    const payload = Buffer.concat(Array.from({ length: TOO_MANY_MEBIBYTES }, () => piece)).subarray(0, -4);
    await peer.send(Opcode.Binary, payload, { rsv: 4, ...zeroKey(peer) });
  }),
  bounded('A.1.4', 'the same in many fragments', async (peer) => {
    await openDeflate(peer);
    const piece = compressedMebibyte();
    await peer.send(Opcode.Binary, piece, { rsv: 4, fin: false });
    const fragment = peer.frame(Opcode.Continuation, piece, { fin: false });
    await pour(peer, fragment, TOO_MANY_MEBIBYTES);
    await peer.send(Opcode.Continuation, Buffer.of(0));
  }),
  programCase(
    'A.1.5',
    'RFC 7692 §7.2.2',
    'SHOULD',
    'a compressed message of 100,000 empty blocks',
    'the empty message is echoed, or the connection is failed; the next one is served',
    inBothRoles(async (peer) => {
      await openDeflate(peer);
      const payload = Buffer.concat([Buffer.alloc(500_000, Buffer.of(0, 0, 0, 0xff, 0xff)), deflated(NOTHING)]);
      await peer.send(Opcode.Binary, payload, { rsv: 4, ...zeroKey(peer) });
      await peer.next();
      await expectAlive(peer);
    }),
  ),
  programCase(
    'A.2.1',
    'RFC 9110 §5.4',
    'SHOULD',
    'a head that does not end',
    'it is refused, and the next connection is served',
    {
      async server(peer) {
        await peer.write(peer.requestBytes().subarray(0, -2), 'the request, without its last line');
        await pour(peer, Buffer.from(`X-More: ${'x'.repeat(4080)}\r\n`.repeat(4)), HEAD_PIECES);
        await expectNotOpened(peer);
        await expectAlive(peer);
      },
      async client(peer) {
        await peer.write(peer.responseBytes().subarray(0, -2), 'the answer, without its last line');
        await pour(peer, Buffer.from(`X-More: ${'x'.repeat(4080)}\r\n`.repeat(4)), HEAD_PIECES);
        await expectFailed(peer);
      },
    },
  ),
  survives(
    'A.2.2',
    '§4.2.1',
    'three thousand fields before those of the handshake',
    ...Array.from({ length: 3000 }, (_, i) => `x${i}: y`),
  ),
  survives(
    'A.2.3',
    '§9.1',
    'extensions called __proto__, constructor and toString',
    `${EXTENSIONS}: __proto__; constructor=1, constructor; __proto__, toString; hasOwnProperty=1`,
    'Sec-WebSocket-Protocol: __proto__, constructor, toString',
  ),
  survives(
    'A.2.4',
    '§9.1',
    'an offer of extensions with seven thousand backslashes and no end',
    `${EXTENSIONS}: x; a="${'\\a'.repeat(3500)}`,
  ),
  survives(
    'A.2.5',
    '§4.1',
    'subprotocols with seven thousand spaces between them',
    `Sec-WebSocket-Protocol: a${' '.repeat(7000)}b`,
  ),
  programCase('A.2.6', '§4.2.1', 'SHOULD', 'a connection that is reset behind its request', 'the next one is served', {
    async server(peer) {
      await peer.write(peer.requestBytes(), 'the request');
      peer.reset();
      await expectAlive(peer);
    },
  }),
  programCase('A.2.7', '§10.4', 'SHOULD', 'a hundred connections that announce 16 MiB each', 'the next one is served', {
    async server(peer) {
      const others = await Promise.all(Array.from({ length: 100 }, () => peer.another()));
      await Promise.all(
        others.map(async (other) => {
          await open(other);
          await other.send(Opcode.Binary, HELLO, { announced: BigInt(16 * MEBIBYTE) });
        }),
      );
      await expectAlive(peer);
    },
  }),
  programCase(
    'A.3.1',
    '§5.5.1',
    'MUST',
    'a Close frame octet by octet: a write ends within its code',
    'it is answered with a Close frame',
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.dribble(peer.frame(Opcode.Close, closeBody(1000, 'done €')));
      await expectClose(peer);
    }),
  ),
];
