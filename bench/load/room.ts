/**
 * Clients of a room, in the language of whoever keeps it: how they get in, and how many messages they have had. What they
 * are told meanwhile is read by frames; what comes once they are in is counted by the `!` that stands in each message, and in no header of these frames.
 */

import { encodeFrame, FIN, Opcode } from '../../src/protocol/index.ts';
import { type LoadConnection, open } from './connection.ts';
import type { Target } from './contract.ts';

const MASKING_KEY = 0x37fa213d;
const MARK = '!'.charCodeAt(0);

export const textFrame = (payload: string): Uint8Array =>
  encodeFrame(FIN | Opcode.Text, Buffer.from(payload), MASKING_KEY);
const CLOSE = encodeFrame(FIN | Opcode.Close, new Uint8Array([0x03, 0xe8]), MASKING_KEY);

/** What is said, and what the answer begins with; '' is said where the server speaks first. */
type Step = readonly [request: string, answer: string];

export interface Language {
  readonly path: string;
  readonly subprotocol?: string;
  readonly opening: readonly Step[];
  join(room: string): readonly Step[];
  leave(room: string): readonly Step[];
  /** What publishes a message, where clients may. */
  publish?(room: string, message: string): string;
}

const SUBPROTOCOL = 'framewright.realtime.1';

export const LANGUAGES: Readonly<Record<string, Language>> = {
  /** Whoever is connected is in. */
  plain: { path: '/', opening: [], join: () => [], leave: () => [] },
  hub: {
    path: '/live',
    subprotocol: SUBPROTOCOL,
    opening: [['', '{"type":"welcome"']],
    join: (room) => [[`{"type":"join","id":1,"channel":"${room}"}`, '{"type":"joined"']],
    leave: (room) => [[`{"type":"leave","id":2,"channel":"${room}"}`, '{"type":"result"']],
    publish: (room, message) => `{"type":"publish","id":3,"channel":"${room}","data":${message}}`,
  },
  'socket.io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    opening: [
      ['', '0{'],
      ['40', '40{'],
    ],
    join: (room) => [[`421["join","${room}"]`, '431[]']],
    leave: (room) => [[`422["leave","${room}"]`, '432[]']],
    publish: (room, message) => `42["publish","${room}",${message}]`,
  },
  /** Its server's own: crossws has none. */
  crossws: {
    path: '/',
    opening: [],
    join: (room) => [[`join ${room}`, 'joined']],
    leave: (room) => [[`leave ${room}`, 'left']],
    publish: (room, message) => `${room} ${message}`,
  },
};

/** Gives out the text of each frame, which has to be short. */
class TextReader {
  #rest = Buffer.alloc(0);

  *take(bytes: Buffer, start: number, end: number): Generator<string> {
    let all = Buffer.concat([this.#rest, bytes.subarray(start, end)]);
    for (;;) {
      const headerBytes = (all[1] ?? 0) < 126 ? 2 : 4;
      const length = headerBytes === 2 ? all[1] : all.length < 4 ? undefined : all.readUInt16BE(2);
      if (length === undefined || all.length < headerBytes + length) break;
      yield all.toString('latin1', headerBytes, headerBytes + length);
      all = all.subarray(headerBytes + length);
    }
    this.#rest = all;
  }
}

/** One client, which does one thing after another. */
export class RoomClient {
  readonly connection: LoadConnection;
  readonly #language: Language;
  #steps: readonly Step[] = [];
  #done: () => void = () => {};

  private constructor(connection: LoadConnection, language: Language) {
    this.connection = connection;
    this.#language = language;
    const reader = new TextReader();
    connection.receive = (bytes, start, end) => {
      for (const answer of reader.take(bytes, start, end)) this.#take(answer);
    };
  }

  static async open(target: Target, language: Language): Promise<RoomClient> {
    const { path, subprotocol } = language;
    let client: RoomClient | undefined;
    const request = { path, ...(subprotocol !== undefined && { subprotocol }) };
    let opening: Promise<void> | undefined;
    await open({ ...target, request }, undefined, (connection) => {
      client = new RoomClient(connection, language);
      opening = client.#perform(language.opening);
    });
    await opening;
    return client!;
  }

  join(room: string): Promise<void> {
    return this.#perform(this.#language.join(room));
  }

  leave(room: string): Promise<void> {
    return this.#perform(this.#language.leave(room));
  }

  #perform(steps: readonly Step[]): Promise<void> {
    if (steps.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#steps = steps;
      this.#done = resolve;
      this.#say();
    });
  }

  #say(): void {
    const [[request] = ['']] = this.#steps;
    if (request !== '') this.connection.write(textFrame(request));
  }

  #take(answer: string): void {
    const [step, ...rest] = this.#steps;
    if (step === undefined || !answer.startsWith(step[1]))
      throw new Error(`not the answer that was expected: ${answer}`);
    this.#steps = rest;
    if (rest.length === 0) this.#done();
    else this.#say();
  }

  /** From now on, messages of the room are counted. @param heard is given how many more there were */
  listen(heard: (count: number) => void): void {
    this.connection.receive = (bytes, start, end) => {
      let count = 0;
      for (let at = bytes.indexOf(MARK, start); at >= 0 && at < end; at = bytes.indexOf(MARK, at + 1)) count++;
      if (count > 0) heard(count);
    };
  }

  /** Ends when the server has ended the connection. */
  close(): Promise<void> {
    const { connection } = this;
    connection.receive = () => {};
    return new Promise((resolve) => {
      connection.ended = () => {
        connection.socket.on('close', () => resolve());
        connection.socket.end();
      };
      connection.write(CLOSE);
    });
  }
}

const AT_ONCE = 100;

export async function openMembers(
  target: Target,
  language: Language,
  room: string,
  count: number,
): Promise<RoomClient[]> {
  const members: RoomClient[] = [];
  while (members.length < count) {
    const more = Math.min(AT_ONCE, count - members.length);
    const opened = Array.from({ length: more }, async () => {
      const client = await RoomClient.open(target, language);
      await client.join(room);
      return client;
    });
    members.push(...(await Promise.all(opened)));
  }
  return members;
}
