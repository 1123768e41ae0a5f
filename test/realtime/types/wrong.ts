/** Uses that are wrong, a line each: every line that is marked is an error, and no other. Nothing of it is run. */

import { createServer } from 'node:http';
import { z } from 'zod';
import { connect } from '../../../src/live/index.ts';
import { useChannel, useEventSource, useLive, useMembers, useSocket } from '../../../src/react/index.ts';
import { createHub, defineProtocol } from '../../../src/realtime/index.ts';
import { chat, other, type User } from './protocol.ts';

const text = z.string();
const hub = createHub(chat, { authenticate: async (): Promise<User> => ({ id: 'u', name: 'U' }) });
const live = connect(chat, '/live');
const strange = connect(other, '/live');
const room = live.join('room:general');
declare const name: string;

// The protocol.
defineProtocol({ channels: { a: {} } }); // wrong: no message
defineProtocol({ channels: { a: { message: String } } }); // wrong: no schema
defineProtocol({ channels: { a: { message: text, history: { ageMs: 1 } } } }); // wrong: how many messages
defineProtocol({ channels: {}, calls: { say: { input: text } } }); // wrong: call without output
defineProtocol({ channels: {}, calls: { say: { output: text } } }); // wrong: call without input
defineProtocol({ calls: {} }); // wrong: no channels
defineProtocol({ channels: {}, call: {} }); // wrong: misspelt
defineProtocol({ channels: { a: { message: text, histroy: { messages: 1 } } } }); // wrong: misspelt
defineProtocol({ channels: { a: { message: text, latestBy: 5 } } }); // wrong: a member's name
defineProtocol({ channels: { a: { message: z.object({ by: text }), latestBy: 'form' } } }); // wrong: no such member
defineProtocol({ channels: { a: { message: text, history: { messages: 1, age: 1 } } } }); // wrong: misspelt

// The server: rules.
hub.channel('rooms:{room}', { join: () => true }); // wrong: unknown channel
hub.channel('room:general', { join: () => true, member: () => ({ name }) }); // wrong: a name, no pattern
hub.channel('room:{room}', { join: () => true }); // wrong: no member
hub.channel('room:{room}', { member: () => ({ nam: name }) }); // wrong: member data
hub.channel('room:{room}', { member: () => undefined }); // wrong: member data
hub.channel('news', { join: () => true, member: () => ({ name }) }); // wrong: has no members
hub.channel('news', { join: ({ params }) => params.room === 'a' }); // wrong: has no parameters
hub.channel('typing:{room}', { join: ({ params }) => params.rom === 'a' }); // wrong: parameter
hub.channel('typing:{room}', { join: ({ user }) => user.nick === 'a' }); // wrong: field of the user
hub.channel('typing:{room}', { publish: ({ data }) => data.text === 'a' }); // wrong: field of the message
hub.channel('typing:{room}', { join: () => 'yes' }); // wrong: no answer
hub.channel('typing:{room}', { joins: () => true }); // wrong: misspelt
hub.channel('typing:{room}'); // wrong: no rules

// The server: calls.
hub.call('shout', () => undefined); // wrong: unknown call
hub.call('say', () => ({})); // wrong: without its output
hub.call('say', () => ({ offset: '1' })); // wrong: type of the output
hub.call('say', async () => {}); // wrong: nothing returned
hub.call('say', ({ txt }) => ({ offset: txt.length })); // wrong: field of the input
hub.call('say', ({ at }) => ({ offset: at.length })); // wrong: what the schema makes of it is a number
hub.call('say', (_, { usr }) => ({ offset: usr.id.length })); // wrong: of the context

// The server: what it is asked.
hub.publish('rooms:general', { by: 'u', text: 'a' }); // wrong: unknown channel
hub.publish('room', { by: 'u', text: 'a' }); // wrong: missing parameter
hub.publish('board:ann', { x: 1, y: 1 }); // wrong: missing parameter
hub.publish('room:general', { by: 'u' }); // wrong: missing field
hub.publish('room:general', { by: 'u', txt: 'a' }); // wrong: field
hub.publish('room:general', { by: 'u', text: 5 }); // wrong: type of a field
hub.publish('room:general', { by: 'u', text: 'a', to: 'b' }); // wrong: one field too many
hub.publish('room:general'); // wrong: no data
hub.publish('news', { title: 'a' }, { keys: 'a' }); // wrong: misspelt
hub.publish('board:a:b', 5); // wrong: neither of its inputs
hub.members('rooms:general'); // wrong: unknown channel
hub.read('room:general', { lst: 5 }); // wrong: misspelt
hub.read('rooms:general'); // wrong: unknown channel
hub.attach({}); // wrong: no server
createHub({ channels: { a: 5 } }); // wrong: no protocol
createHub(chat, { authenticate: async () => ({ name }) }); // wrong: a user without id
createHub(chat, { queuBytes: 5 }); // wrong: misspelt
createHub(chat, { queueBytes: '5' }); // wrong: a number
createHub(chat, { origins: 5 }); // wrong: no origins
createHub(chat, { messageRate: { perMinute: 5 } }); // wrong: misspelt
hub.attach(createServer(), { pth: '/live' }); // wrong: misspelt
hub.events('rooms:general'); // wrong: unknown channel
hub.events(() => 'rooms:general'); // wrong: unknown channel
hub.events('room:general', { retry: 5 }); // wrong: misspelt
hub.drain({ timeout: 5 }); // wrong: misspelt
hub.status().conections; // wrong: misspelt
hub.disconnect('u', { cod: 4403 }); // wrong: misspelt

// The client.
connect(chat); // wrong: no address
connect(chat, '/live', { tokens: 'a' }); // wrong: misspelt
connect(chat, '/live', { token: 5 }); // wrong: no token
connect(chat, '/live', { backoff: { min: 5 } }); // wrong: misspelt
connect({ channels: { a: 5 } }, '/live'); // wrong: no protocol
live.join('rooms:general'); // wrong: unknown channel
live.join('room'); // wrong: missing parameter
live.join('room:general', { latest: 5 }); // wrong: misspelt
live.join('room:general', { after: 5 }); // wrong: no position
strange.join('room:general'); // wrong: another protocol
live.call.shout({}); // wrong: unknown call
live.call.say(); // wrong: no input
live.call.say({ room: 'general', text: 'a' }); // wrong: missing field
live.call.say({ room: 'general', text: 'a', at: 5 }); // wrong: what the schema takes is text
live.call.say({ room: 'general', txt: 'a', at: '5' }); // wrong: field
live.call.say({ room: 'general', text: 'a', at: '5' }, { timeout: 5 }); // wrong: misspelt
(await live.call.say({ room: 'general', text: 'a', at: '5' })).position; // wrong: field of the output
strange.call.say({ room: 'general', text: 'a', at: '5' }); // wrong: has no calls
live.publish('rooms:general', { by: 'u', text: 'a' }); // wrong: unknown channel
live.publish('typing:general', { text: 'a' }); // wrong: field
live.publish('typing:general', { by: 'u' }, { retries: true }); // wrong: misspelt
live.on('open', () => {}); // wrong: no such event
room.on('msg', () => {}); // wrong: no such event
room.on('message', ({ data }) => data.txt); // wrong: field
room.publish({ by: 'u', txt: 'a' }); // wrong: field
room.members[0]?.data.nick; // wrong: member data
live.join('news').members[0]?.data.name; // wrong: has no members
for await (const { data } of room) data.txt; // wrong: field

// React.
export function Page() {
  const shared = useLive(chat, '/live');
  useLive(chat); // wrong: no address
  useLive(chat, '/live', { tokens: 'a' }); // wrong: misspelt
  useLive({ channels: { a: 5 } }, '/live'); // wrong: no protocol
  useChannel(shared, 'rooms:general'); // wrong: unknown channel
  useChannel(shared, 'room'); // wrong: missing parameter
  useChannel(useLive(other, '/live'), 'room:general'); // wrong: another protocol
  useChannel(chat, 'room:general'); // wrong: a protocol, no connection
  useChannel(shared, 'room:general', { kep: 5 }); // wrong: misspelt
  useChannel(shared, 'room:general', { keep: '5' }); // wrong: a number
  useChannel(shared, 'room:general', { onMessage: ({ data }) => data.txt }); // wrong: field
  useChannel(shared, 'room:general').messages[0]?.data.txt; // wrong: field
  useChannel(shared, 'room:general').members[0]?.data.nick; // wrong: member data
  useChannel(shared, 'room:general').publish({ by: 'u' }); // wrong: missing field
  useMembers(shared, 'rooms:general'); // wrong: unknown channel
  useMembers(shared, 'room:general')[0]?.data.nick; // wrong: member data
  shared.call.say({ text: 'a' }); // wrong: missing fields
  useSocket('/chat', { onMesage: () => {} }); // wrong: misspelt
  useSocket('/chat', { backoff: { max: 5 } }); // wrong: misspelt
  useSocket('/chat').send({ text: 'a' }); // wrong: no message
  useSocket('/chat', { parse: String }).messages[0]?.data.byteLength; // wrong: what is parsed is text
  useEventSource('/feed', { event: ['a'] }); // wrong: misspelt
  useEventSource('/feed', { parse: Number }).messages[0]?.data.length; // wrong: what is parsed is a number
}
