/** A19: whatever a client sends, the address that counts is the one that trusted proxies have seen, or their own. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientAddress } from '../../src/admission/forwarded.ts';
import { HeaderMap } from '../../src/handshake/index.ts';

const PEER = '10.0.0.1';
const FOR = 'X-Forwarded-For';

/** What a client makes up: pieces of good lists, in any order, and anything else. */
const piece = fc.constantFrom(
  ...[
    '203.0.113.9',
    '[2001:db8::bad]',
    'for=',
    'For="',
    '"',
    '\\',
    ',',
    ';',
    ' ',
    '=',
    '_x',
    'proto=http',
    '203.0.113.8:1',
  ],
);
const value = fc.oneof(
  fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join('')),
  fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 20 }),
);
const forged = fc.array(fc.tuple(fc.constantFrom(FOR, 'Forwarded'), value), { maxLength: 4 });

/** The clients of the proxies, the outermost first. */
const seen = fc.array(
  fc.integer({ min: 1, max: 254 }).map((n) => `192.0.2.${n}`),
  { minLength: 1, maxLength: 3 },
);

/** How proxies write what they have seen. */
const WAYS: Readonly<Record<string, (address: string) => [name: string, entry: string]>> = {
  'X-Forwarded-For': (address) => [FOR, address],
  Forwarded: (address) => ['Forwarded', `for=${address};proto=https`],
  'Forwarded in quotes': (address) => ['Forwarded', `for="${address}:4711"`],
  'Forwarded as IPv6': (address) => ['Forwarded', `for="[::ffff:${address}]"`],
};

/** A proxy adds to the last line of that name, or a line of its own. */
function add(lines: [string, string][], [name, entry]: [string, string], hasOwnLine: boolean): [string, string][] {
  const last = lines.findLastIndex(([other]) => other === name);
  if (hasOwnLine || last < 0) return [...lines, [name, entry]];
  return lines.map((line, i) => (i === last ? [name, `${line[1]}, ${entry}`] : line));
}

describe('A19 X-Forwarded-For and Forwarded', () => {
  it.each(Object.keys(WAYS))('§10.4 nothing that a client sends is believed, where proxies write %s', (way) => {
    fc.assert(
      fc.property(forged, seen, fc.boolean(), (made, addresses, hasOwnLine) => {
        let lines = made as [string, string][];
        for (const address of addresses) lines = add(lines, WAYS[way]!(address), hasOwnLine);
        const found = clientAddress(new HeaderMap(lines.flat()), addresses.length, PEER);
        const [outermost] = addresses;
        expect(found === PEER || found.includes(outermost!), found).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('and where a client sends neither, its address is found', () => {
    fc.assert(
      fc.property(seen, fc.constantFrom(...Object.keys(WAYS)), fc.boolean(), (addresses, way, hasOwnLine) => {
        let lines: [string, string][] = [];
        for (const address of addresses) lines = add(lines, WAYS[way]!(address), hasOwnLine);
        const headers = new HeaderMap(lines.flat());
        expect(clientAddress(headers, addresses.length, PEER)).toContain(addresses[0]);
        expect(clientAddress(headers, 0, PEER)).toBe(PEER);
      }),
    );
  });
});
