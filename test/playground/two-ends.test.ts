import { describe, expect, it } from 'vitest';
import { layOut } from '../../src/playground/close/diagram.ts';
import { formatStory, isPossible, parseStory, play, SCENARIOS } from '../../src/playground/close/two-ends.ts';
import { type ConnectionState, TRANSITIONS, type TransitionTable } from '../../src/protocol/index.ts';

const TABLE: TransitionTable = TRANSITIONS;
const played = (story: string) => play(parseStory(story));

describe('two ends', () => {
  it.each(SCENARIOS.map((scenario) => [scenario.title, scenario] as const))('%s', (_, { story, codes }) => {
    const { client, server } = played(story);
    expect({ client: client.state, server: server.state }).toEqual({ client: 'closed', server: 'closed' });
    expect({ client: client.closeCode, server: server.closeCode }).toEqual(codes);
  });

  it('§7.1 goes only where the table leads, and notes states that last no longer than a call', () => {
    const { client, server } = played('c.close.1000 s.give c.give c.give s.give');
    for (const { event, from, to } of [...client.transitions, ...server.transitions])
      expect(TABLE[from][event]).toBe(to);
    expect(client.transitions.map(({ event }) => event)).toEqual([
      'sendClose',
      'receiveClose',
      'peerEnd',
      'transportClosed',
    ]);
    expect(server.transitions.map(({ to }) => to)).toEqual(['closeReceived', 'closeExchanged', 'peerEnded', 'closed']);
  });

  it('§7.1.1 nothing is read by an end that does not read', () => {
    const stuck = played('s.stick c.close.1000 s.give');
    expect(stuck.server.state).toBe('open');
    expect(stuck.client.wire.length).toBe(1);
    expect(isPossible(stuck, { end: 'server', action: 'give' })).toBe(false);
    expect(isPossible(stuck, { end: 'server', action: 'read' })).toBe(true);
    expect(played('s.stick c.close.1000 s.read s.give').server.state).toBe('closeExchanged');
  });

  it('§5.5.1 sends nothing behind its Close frame', () => {
    const closing = played('c.close.1000 c.text c.close.1001');
    expect(closing.client.wire.map(({ label }) => label)).toEqual(['Close 1000 (Normal Closure)']);
    expect(isPossible(closing, { end: 'client', action: 'text' })).toBe(false);
  });

  it('a story stands in an address, and what is none is passed over', () => {
    for (const { story } of SCENARIOS) expect(formatStory(parseStory(story))).toBe(story);
    expect(parseStory('x.close c.fly c.text nonsense')).toEqual([{ end: 'client', action: 'text' }]);
  });
});

describe('the drawing of the states', () => {
  const { boxes, ways, width, height } = layOut(TABLE, 'open');
  const count = Object.values(TABLE).reduce((sum, row) => sum + Object.keys(row).length, 0);

  it('has each state and each transition of the table, and nothing else', () => {
    expect(boxes.map(({ state }) => state).sort()).toEqual(Object.keys(TABLE).sort());
    expect(ways.length).toBe(count);
    for (const { from, event, to } of ways) expect(TABLE[from][event]).toBe(to);
  });

  it('draws each state below all that lead to it, inside the picture, and apart from the others', () => {
    const yOf = (state: ConnectionState) => boxes.find((box) => box.state === state)!.y;
    for (const { from, to } of ways) expect(yOf(to)).toBeGreaterThan(yOf(from));
    expect(new Set(boxes.map(({ x, y }) => `${x} ${y}`)).size).toBe(boxes.length);
    for (const { x, y } of [...boxes, ...ways]) {
      expect(x > 0 && x < width && y > 0 && y < height).toBe(true);
    }
    expect(new Set(ways.map(({ x, y }) => `${x} ${y}`)).size).toBe(ways.length);
  });
});
