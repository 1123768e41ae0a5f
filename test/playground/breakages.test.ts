import { describe, expect, it } from 'vitest';
import { BREAKAGES, breakagesFor, framesOf } from '../../src/playground/build/breakages.ts';
import { encodeSpecs } from '../../src/playground/build/frame-spec.ts';
import { receive } from '../../src/playground/lab/receiver.ts';
import { readCloseCode, readFrames, VIOLATIONS } from '../../src/protocol/index.ts';

const KEY = Uint8Array.of(1, 2, 3, 4);
const OTHER = { client: 'server', server: 'client' } as const;

describe('breaking rules', () => {
  it('has a way for each row of the table of violations', () => {
    expect(BREAKAGES.map(({ id }) => id).sort()).toEqual(Object.keys(VIOLATIONS).sort());
    expect(breakagesFor('server').length).toBe(BREAKAGES.length - 1);
    expect(breakagesFor('client').length).toBe(BREAKAGES.length - 1);
  });

  for (const role of ['server', 'client'] as const) {
    it.each(breakagesFor(role).map((breakage) => [breakage.id, breakage] as const))(
      `§7.1.7 a ${role} fails for %s, and for nothing else, and its Close frame has the code of the table`,
      (id, breakage) => {
        const bytes = encodeSpecs(framesOf(breakage, role, KEY));
        const receiver = receive(bytes, { role, ...breakage.receiver });
        expect(receiver.violation?.id).toBe(id);
        const { frames } = readFrames(receiver.sent.at(-1)!, { role: OTHER[role] });
        expect(frames[0]).toMatchObject({ opcode: 8 });
        expect(readCloseCode(frames[0]!.payload)).toBe(VIOLATIONS[id].closeCode);
        expect(receiver.hasEnded).toBe(true);
      },
    );
  }
});
