/** Messages to and from the permessage-deflate of ws, with every kind of agreement. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageDeflater, MessageInflater } from '../../src/deflate/codec.ts';
import { acceptOffers, directionOf, resolveDeflateSettings } from '../../src/deflate/negotiate.ts';
import { parseExtensions } from '../../src/handshake/index.ts';
import { anyPayload, deflate, ENGINES, inflate, makePayload } from './support.ts';
import { toWsOffers, WsPerMessageDeflate } from './ws-deflate.ts';

const anyDirection = fc.record({ keeps: fc.boolean(), bits: fc.constantFrom(8, 9, 10, 12, 15) });
const anyMessages = fc.array(fc.array(anyPayload, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 });

interface Direction {
  readonly keeps: boolean;
  readonly bits: number;
}

/** We are the server, ws is the client; both go by the same header. */
function agree(server: Direction, client: Direction) {
  const header = [
    `permessage-deflate; server_max_window_bits=${server.bits}; client_max_window_bits=${client.bits}`,
    ...(server.keeps ? [] : ['server_no_context_takeover']),
    ...(client.keeps ? [] : ['client_no_context_takeover']),
  ].join('; ');
  const negotiation = acceptOffers(parseExtensions(header), resolveDeflateSettings({}, 'server', 'strict'));
  if (negotiation.outcome !== 'accepted') throw new Error('not accepted');
  const theirs = new WsPerMessageDeflate({ threshold: 0 });
  theirs.accept(toWsOffers([negotiation.response]));
  return { agreed: negotiation.agreed, theirs };
}

function compress(codec: WsPerMessageDeflate, payload: Uint8Array, fin: boolean): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    codec.compress(payload, fin, (error, data) => (error ? reject(error) : resolve(data)));
  });
}

function decompress(codec: WsPerMessageDeflate, payload: Uint8Array, fin: boolean): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    codec.decompress(payload, fin, (error, data) => (error ? reject(error) : resolve(data)));
  });
}

for (const engine of ENGINES) {
  describe(`with ws, ${engine}`, () => {
    it('RFC 7692 §7.2.1 ws reads what we send', async () => {
      const holds = async (server: Direction, client: Direction, messages: Uint8Array[][]) => {
        const { agreed, theirs } = agree(server, client);
        const codec = new MessageDeflater({ ...directionOf(agreed, 'server'), engine });
        for (const fragments of messages) {
          const received: Uint8Array[] = [];
          for (const [i, fragment] of fragments.entries()) {
            const fin = i === fragments.length - 1;
            received.push(await decompress(theirs, await deflate(codec, fragment, fin), fin));
          }
          expect(Buffer.compare(Buffer.concat(received), Buffer.concat(fragments))).toBe(0);
        }
        codec.close();
        theirs.cleanup();
      };
      await fc.assert(fc.asyncProperty(anyDirection, anyDirection, anyMessages, holds), { numRuns: 80 });
    });

    it('RFC 7692 §7.2.2 we read what ws sends', async () => {
      const holds = async (server: Direction, client: Direction, messages: Uint8Array[][]) => {
        const { agreed, theirs } = agree(server, client);
        const codec = new MessageInflater({ ...directionOf(agreed, 'client'), engine });
        for (const fragments of messages) {
          const parts: Uint8Array[] = [];
          for (const [i, fragment] of fragments.entries()) {
            parts.push(await compress(theirs, fragment, i === fragments.length - 1));
          }
          const { fault, output } = await inflate(codec, Buffer.concat(parts));
          expect(fault).toBeUndefined();
          expect(Buffer.compare(output, Buffer.concat(fragments))).toBe(0);
        }
        codec.close();
        theirs.cleanup();
      };
      await fc.assert(fc.asyncProperty(anyDirection, anyDirection, anyMessages, holds), { numRuns: 80 });
    });

    for (const keeps of [true, false]) {
      for (const bits of [9, 10, 11, 12, 13, 14, 15]) {
        it(`RFC 7692 §7.2 there and back, ${bits} bits, context ${keeps ? 'kept' : 'dropped'}`, async () => {
          const { agreed, theirs } = agree({ keeps, bits }, { keeps, bits });
          const out = new MessageDeflater({ ...directionOf(agreed, 'server'), engine });
          const back = new MessageInflater({ ...directionOf(agreed, 'client'), engine });
          for (const [i, size] of [100, 100, 40_000, 2000, 100].entries()) {
            const payload = makePayload(size, 30, i >> 1);
            const received = await decompress(theirs, await deflate(out, payload), true);
            expect(Buffer.compare(received, payload)).toBe(0);
            const { output } = await inflate(back, await compress(theirs, received, true));
            expect(Buffer.compare(output, payload)).toBe(0);
          }
          out.close();
          back.close();
          theirs.cleanup();
        });
      }
    }
  });
}
