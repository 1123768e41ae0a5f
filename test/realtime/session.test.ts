/** A session between a hub that does what the test says and a client that may not read its answers. */

import { expect, it } from 'vitest';
import type { Outlet } from '../../src/realtime/outlet.ts';
import { type Handlers, Session, type SessionHost } from '../../src/realtime/session.ts';
import { deferred } from './support.ts';

class Client implements Outlet {
  isWritable = true;
  isPaused = false;
  readonly told: unknown[] = [];
  closedWith: number | undefined;
  readonly bufferedAmount = 0;
  sendPrepared(): boolean {
    return true;
  }
  send(text: string): void {
    this.told.push(JSON.parse(text));
  }
  close(code: number): void {
    this.closedWith = code;
  }
  terminate(): void {}
  pause(): void {
    expect(this.isPaused).toBe(false);
    this.isPaused = true;
  }
  resume(): void {
    expect(this.isPaused).toBe(true);
    this.isPaused = false;
  }
}

function start(handlers: Partial<Handlers> = {}) {
  const client = new Client();
  const host: SessionHost = {
    handlers: {
      ping: (session) => session.tell({ type: 'pong' }),
      ...handlers,
    } as Handlers,
    maxUnderWay: 100,
    report: () => {},
    ended: () => {},
  };
  const session = new Session('c1', { id: 'ann' }, client, host);
  const pings = (count: number) => session.receive(JSON.stringify(Array(count).fill({ type: 'ping' })));
  return { client, session, pings };
}

it('answers no more than the client reads, and reads no more of it meanwhile', () => {
  const { client, session, pings } = start({
    ping: (asked) => {
      asked.tell({ type: 'pong' });
      client.isWritable = client.told.length % 3 !== 0;
    },
  });
  pings(5);
  expect(client.told).toHaveLength(3);
  expect(client.isPaused).toBe(true);
  // Was on its way.
  pings(2);
  expect(client.told).toHaveLength(3);
  client.isWritable = true;
  session.drained();
  expect(client.told).toHaveLength(6);
  expect(client.isPaused).toBe(true);
  client.isWritable = true;
  session.drained();
  expect(client.told).toHaveLength(7);
  expect(client.isPaused).toBe(false);
});

it('reads no more of a client that has not read the last answer', () => {
  const { client, pings } = start({
    ping: () => {
      client.isWritable = false;
    },
  });
  pings(1);
  expect(client.isPaused).toBe(true);
});

it('takes what waits when what was under way is done', async () => {
  const gates = Array.from({ length: 150 }, () => deferred());
  let begun = 0;
  const { client, session } = start({ leave: () => gates[begun++]!.promise });
  session.receive(JSON.stringify(gates.map((_, id) => ({ type: 'leave', id, channel: 'a' }))));
  expect(begun).toBe(100);
  expect(client.isPaused).toBe(true);
  for (const { resolve } of gates.slice(0, 49)) resolve();
  await new Promise(setImmediate);
  expect(begun).toBe(149);
  expect(client.isPaused).toBe(true);
  gates[49]!.resolve();
  await new Promise(setImmediate);
  expect(begun).toBe(150);
  expect(client.isPaused).toBe(false);
});

it('takes nothing behind its end, nor behind what was not this protocol', () => {
  const { client, session, pings } = start();
  session.receive('nonsense');
  expect(client.closedWith).toBe(4400);
  pings(1);
  expect(client.told).toEqual([]);
  const other = start();
  other.session.end();
  other.pings(1);
  other.session.drained();
  expect(other.client.told).toEqual([]);
});
