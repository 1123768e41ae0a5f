/**
 * The walkthroughs of spec-notes, executed: the bytes on a page are sent to both servers through a bare socket, and to a
 * Connection in memory, and what comes back has to be what the page shows.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RawPeer, upgradeRequest } from './support/raw-peer.ts';
import { SERVER_KINDS, type ServerKind, startServer } from './support/servers.ts';
import { concat, type FrameFields, frame, toBytes, toHex } from './support/wire.ts';
import { answerAs, expectSame, playInMemory } from './walkthroughs/in-memory.ts';
import { readConversations, type Turn } from './walkthroughs/page.ts';

const folder = new URL('../spec-notes/walkthroughs/', import.meta.url);
const PAGES = readdirSync(folder).map((name) => ({ name, markdown: readFileSync(new URL(name, folder), 'utf8') }));

const GREETING = 'hello-in-two-frames.md';
const CLOSING = 'closing-handshake.md';
const pageNamed = (name: string) => PAGES.find((page) => page.name === name)!.markdown;

const KEYS = [
  [0x37, 0xfa, 0x21, 0x3d],
  [0x5b, 0x0c, 0x92, 0xe1],
  [0xc7, 0x71, 0x1a, 0x64],
  [0x0f, 0xd3, 0x8e, 0x29],
] as const;
const HI: FrameFields = { opcode: 1, payload: 'Hi' };
const closePayload = (reason: string) => [3, 232, ...toBytes(reason)];

/**
 * What the client sends in each conversation of a page, by field. Most of its bytes show in what the server answers, but
 * not all: not the fourth byte of a masking key on three bytes of payload, and not what the server never reads.
 */
const SENT: Readonly<Record<string, readonly (readonly FrameFields[])[]>> = {
  [GREETING]: [
    [
      { fin: false, opcode: 1, payload: 'Hel', key: KEYS[0] },
      { opcode: 9, payload: 'mid', key: KEYS[1] },
      { opcode: 0, payload: 'lo', key: KEYS[2] },
    ],
  ],
  [CLOSING]: [
    [{ opcode: 8, payload: closePayload('done'), key: KEYS[0] }],
    [
      { opcode: 1, payload: 'bye', key: KEYS[1] },
      { opcode: 9, payload: '?', key: KEYS[3] },
      { opcode: 8, payload: closePayload('see you'), key: KEYS[2] },
    ],
    [HI, { ...HI, key: KEYS[0] }],
  ],
};

/** Plays a whole page in memory. */
function playPage(name: string, markdown: string): void {
  const conversations = readConversations(markdown);
  expect(conversations.length).toBe(SENT[name]!.length);
  for (const [i, turns] of conversations.entries()) {
    const sent = turns.filter(({ from, kind }) => from === 'client' && kind === 'wire').map(({ bytes }) => bytes);
    expect(toHex(concat(...sent))).toBe(toHex(concat(...SENT[name]![i]!.map(frame))));
    playInMemory(turns);
  }
}

/** Plays a conversation against a server, in the role of its client. */
async function playOnServer(kind: ServerKind, turns: readonly Turn[]): Promise<void> {
  const server = await startServer(kind, {}, (socket) => {
    socket.on('error', () => {});
    socket.on('message', (data) => answerAs(String(data), socket));
  });
  const peer = await RawPeer.connect(server, true);
  if (turns[0]!.kind === 'wire') {
    peer.send(upgradeRequest());
    await peer.head();
  }
  for (const turn of turns) {
    if (turn.from === 'server') expectSame(turn, await peer.bytes(turn.bytes.length));
    else if (turn.bytes.length > 0) peer.send(turn.bytes);
    if (!turn.endsTcp) continue;
    if (turn.from === 'server') expect(await peer.rest()).toBe('');
    else peer.socket.end();
  }
  peer.socket.end();
  expect(await peer.rest()).toBe('');
  expect(peer.error).toBeUndefined();
}

describe('walkthroughs', () => {
  it('§4–§7 are there, and have conversations of both sides', () => {
    expect(PAGES.map(({ name }) => name).sort()).toEqual([CLOSING, GREETING].sort());
    const shapes = [GREETING, CLOSING].map((name) =>
      readConversations(pageNamed(name)).map((turns) => turns.map(({ from, kind }) => `${from} ${kind}`)),
    );
    const wire = (...sides: string[]) => sides.map((side) => `${side} wire`);
    const greeting = ['client http', 'server http', ...wire('client', 'client', 'server', 'client', 'server')];
    expect(shapes).toEqual([
      [greeting],
      [
        wire('client', 'server', 'client'),
        wire('client', 'server', 'client', 'server', 'client'),
        wire('client', 'server', 'client'),
      ],
    ]);
  });

  describe.each(PAGES)('$name', ({ name, markdown }) => {
    it('§4–§7 in memory, both sides', () => playPage(name, markdown));

    it.each(SERVER_KINDS)('§4–§7 on %s, through a socket', async (kind) => {
      for (const turns of readConversations(markdown)) await playOnServer(kind, turns);
    });
  });
});

/** Every page that differs from this one in one character of its bytes, bits, heads and sayings. */
function breachesOf(markdown: string): { where: string; page: string }[] {
  let isInBlock = false;
  let at = 0;
  return markdown.split('\n').flatMap((line, index) => {
    const start = at;
    at += line.length + 1;
    if (line.startsWith('```')) isInBlock = /^```(http|wire|accept)/.test(line);
    if (!isInBlock || line.startsWith('```') || line.startsWith('F ')) return [];
    return Array.from(line, (character, column) => ({ character, column }))
      .filter(({ character }) => character !== ' ')
      .map(({ character, column }) => {
        const changed = /[\da-f]/.test(character)
          ? (Number.parseInt(character, 16) ^ 1).toString(16)
          : String.fromCharCode(character.charCodeAt(0) ^ 1);
        const place = start + column;
        return {
          where: `line ${index + 1}, column ${column + 1}: ${changed} for ${character}`,
          page: markdown.slice(0, place) + changed + markdown.slice(place + 1),
        };
      });
  });
}

describe('walkthroughs: each rule bites', () => {
  it.each(PAGES)('no character of the bytes in $name can change unnoticed', ({ name, markdown }) => {
    const breaches = breachesOf(markdown);
    expect(breaches.length).toBeGreaterThan(200);
    const unnoticed = breaches.filter(({ page }) => {
      try {
        playPage(name, page);
        return true;
      } catch {
        return false;
      }
    });
    expect(unnoticed.map(({ where }) => where)).toEqual([]);
  });

  it.each(SERVER_KINDS)('a byte that %s does not send', async (kind) => {
    const breach = pageNamed(GREETING).replace(
      '6d 69 64                  = "mid"',
      '6d 69 65                  = "mie"',
    );
    expect(breach).not.toBe(pageNamed(GREETING));
    const [turns] = readConversations(breach);
    await expect(playOnServer(kind, turns!)).rejects.toThrow(
      'the server sends [8a 03 6d 69 64], the page shows [8a 03 6d 69 65]',
    );
  });

  const WIRE = '```wire client → server\n';
  const rows: [rule: string, page: string, fault: string][] = [
    ['bits', `${WIRE}1 000 000    1 0000000  00 00 00 00\n\`\`\``, 'line 1: not the bits of a header'],
    ['length', `${WIRE}1 000 0001    1 0000010  00 00 00 00  48  = "H"\n\`\`\``, 'line 1: 1 bytes of payload, not 2'],
    ['saying', `${WIRE}1 000 0001    1 0000001  00 00 00 00  48  = "h"\n\`\`\``, 'the payload says [48], not "h"'],
    ['no saying', `${WIRE}1 000 0001    1 0000001  00 00 00 00  48\n\`\`\``, 'the payload says [48], not nothing'],
    ['direction', '```wire client → client\n```', 'line 1: nobody sends to itself'],
    ['end of block', '\n```wire client → server\n', 'line 2: the block never ends'],
    ['accept value', '```accept\nkey\n\n\n```', 'line 1: the first line is no key with the GUID behind it'],
  ];
  it.each(rows)('%s', (_rule, page, fault) => expect(() => readConversations(page)).toThrow(fault));
});
