/** What tests of the hub's channels have in common. */

import { z } from 'zod';
import {
  type ChannelRules,
  createHub,
  defineProtocol,
  type HubOptions,
  type HubUser,
} from '../../src/realtime/index.ts';

/** A number of any parity, and one whose schema takes its time: the odd ones longer. */
const number = z.object({ n: z.number(), text: z.string().optional() });
const slow = number.refine(async ({ n }) => {
  for (let turns = n % 2 === 0 ? 1 : 5; turns > 0; turns--) await new Promise(setImmediate);
  return n >= 0;
}, 'has to be positive');

export const protocol = defineProtocol({
  channels: {
    'room:{room}': { message: number, member: z.object({ name: z.string() }), history: { messages: 1000 } },
    'log:{log}': { message: number, history: { messages: 100_000, bytes: 100_000_000 } },
    'slow:{log}': { message: slow, history: { messages: 1000 } },
    'typing:{room}': { message: z.object({ by: z.string(), n: z.number().optional() }), latestBy: 'by' },
    'closed:{room}': { message: number },
  },
});

type Chat = typeof protocol;

export interface User extends HubUser {
  readonly name: string;
}

/** A promise that the test settles. */
export function deferred<Value = void>() {
  let resolve!: (value: Value) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

/** A hub where everybody may do everything, but for `closed:`; users are who their token says. */
export function chatHub(options: HubOptions<User> = {}, rooms: Partial<ChannelRules<Chat, 'room:{room}', User>> = {}) {
  const hub = createHub(protocol, {
    authenticate: ({ token }) => ({ id: token ?? 'nobody', name: `the ${token}` }),
    presenceGraceMs: 0,
    ...options,
  });
  const reported: [error: unknown, where: string][] = [];
  hub.on('error', (error, where) => reported.push([error, where]));
  const all = { join: () => true, publish: () => true };
  hub.channel('room:{room}', { ...all, member: ({ user }) => ({ name: user.name }), ...rooms });
  hub.channel('log:{log}', all).channel('slow:{log}', all).channel('typing:{room}', all);
  return { hub, reported };
}

/** What a client says to come in as a user. */
export const as = (user: string) => ({ subprotocols: ['framewright.realtime.1', `bearer.${user}`] });
