/** Uses that are right, and what their types come to. Nothing of it is run. */

import { createServer } from 'node:http';
import { connect, type Live } from '../../../src/live/index.ts';
import {
  type SocketData,
  useChannel,
  useEventSource,
  useLive,
  useMembers,
  useSocket,
} from '../../../src/react/index.ts';
import { createHub, type Member, type Position } from '../../../src/realtime/index.ts';
import { chat, type User } from './protocol.ts';

/** Whether two types are the same, and not just fit each other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Plain<T> = { -readonly [K in keyof T]: T[K] };
function is<Expected>() {
  return <Given>(_given: Given, _isSame: Same<Plain<Given>, Plain<Expected>>): void => {};
}
declare const name: string;

// The server.
const hub = createHub(chat, { authenticate: async (): Promise<User> => ({ id: 'u', name: 'U' }) });

hub
  .channel('room:{room}', {
    join: ({ user, params, channel }) => {
      is<User>()(user, true);
      is<{ room: string }>()(params, true);
      is<string>()(channel, true);
      return user.name !== params.room;
    },
    publish: async ({ data }) => {
      is<{ by: string; text: string; at: number }>()(data, true);
      return data.by === 'u';
    },
    member: ({ user }) => ({ name: user.name }),
  })
  .channel('board:{owner}:{board}', {
    join: ({ params }) => params.owner === params.board,
    publish: ({ data }) => data.x > data.y,
  })
  .channel('news', { join: () => true })
  .channel('typing:{room}', { join: () => true, publish: () => true })
  .call('say', async ({ room, text, at }, { user, key, signal, connection }) => {
    is<number>()(at, true);
    is<User>()(user, true);
    is<string | undefined>()(key, true);
    is<AbortSignal>()(signal, true);
    is<string>()(connection, true);
    const position = await hub.publish(`room:${room}`, { by: user.name, text });
    is<Position | undefined>()(position, true);
    return { offset: position!.offset };
  })
  .call('move', (input) => {
    is<{ x: number; y: number }>()(input, true);
    return '1,2';
  })
  .call('rename', () => undefined);

hub.attach(createServer(), { path: '/live' });
createServer(hub.events('room:general'));
hub.events(({ url, user }) => `room:${url}${user.id}`, { retryMs: 500 });
is<number>()(hub.status().connections, true);
await hub.drain({ timeoutMs: 5000, spreadMs: 1000 });
await hub.publish('room:general', { by: 'u', text: 'hello', at: 1 }, { key: 'once' });
await hub.publish(`board:${name}:${name}`, '1,2');
await hub.publish('news', { title: 'today' });
is<Member<{ name: string }>[]>()(await hub.members(`room:${name}`), true);
const { entries, position, isGap } = await hub.read('room:general', { last: 10 });
is<{ by: string; text: string; at: number }>()(entries[0]!.data, true);
is<Position>()(position, true);
is<boolean>()(isGap, true);

// The client.
const live = connect(chat, 'ws://127.0.0.1/live', { token: async () => 'token' });
is<Live<typeof chat>>()(live, true);
is<Live<typeof chat>>()(connect<typeof chat>('/live'), true);

is<{ offset: number }>()(await live.call.say({ room: 'general', text: 'hello', at: '1' }), true);
is<{ x: number; y: number }>()(await live.call.move('1,2', { timeoutMs: 5000, retry: false }), true);
is<undefined>()(await live.call.rename({ name: 'new' }), true);
is<Position | undefined>()(await live.publish(`typing:${name}`, { by: 'u' }), true);

const room = live.join('room:general', { last: 50, members: true });
is<'room:general'>()(room.name, true);
is<readonly Member<{ name: string }>[]>()(room.members, true);
room.on('message', ({ data }) => is<{ by: string; text: string; at: number }>()(data, true));
room.on('members', (members) => is<string>()(members[0]!.data.name, true));
await room.publish({ by: 'u', text: 'hello' });
for await (const message of room) {
  is<number>()(message.data.at, true);
  is<Position | undefined>()(message.position, true);
}
for await (const { data } of live.join(`board:${name}:b`)) is<{ x: number; y: number }>()(data, true);
is<readonly Member<undefined>[]>()(live.join('news').members, true);

// React.
export function Page() {
  const shared = useLive(chat, '/live', { token: () => 'token', key: 'u' });
  is<Live<typeof chat>>()(shared, true);
  is<Live<typeof chat>>()(useLive<typeof chat>(new URL('http://127.0.0.1/live')), true);
  const { messages, members, publish } = useChannel(shared, `room:${name}`, {
    last: 50,
    keep: 100,
    onMessage: ({ data }) => is<string>()(data.text, true),
  });
  is<{ by: string; text: string; at: number }>()(messages[0]!.data, true);
  is<string>()(members[0]!.data.name, true);
  void publish({ by: 'u', text: 'hello' });
  useChannel(live, name === '' ? undefined : 'news').messages.map(({ data }) => is<string>()(data.title, true));
  is<readonly Member<{ name: string }>[]>()(useMembers(shared, 'room:general'), true);
  is<SocketData>()(useSocket('/chat').messages[0]!.data, true);
  const { send } = useSocket('/chat', { parse: Number, onMessage: ({ data }) => is<number>()(data, true) });
  is<boolean>()(send(new Uint8Array(1)), true);
  is<string>()(useEventSource('/feed').messages[0]!.data, true);
  is<number>()(useEventSource('/feed', { parse: (text) => Number(text) }).messages[0]!.data, true);
}
