/** spec-notes/options.md, the types and the table of options: whichever of them changes, the others follow. */

import { readFileSync } from 'node:fs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as WsLibrary from 'ws';
import type { HandshakeOptions } from '../../src/client/client-handshake.ts';
import type {
  BacklogOptions,
  DeflateOptions,
  HeartbeatOptions,
  MessageRate,
  NetRequest,
  ZlibTuning,
} from '../../src/index.ts';
import type { WsConnectionOptions } from '../../src/options/connection-options.ts';
import { inOurNames } from '../../src/options/connection-options.ts';
import type { ConnectionOptions } from '../../src/options/connection-settings.ts';
import { DEFLATE_KINDS } from '../../src/options/deflate-options.ts';
import type { DoorName } from '../../src/options/option-check.ts';
import { OPTIONS, type OptionRow } from '../../src/options/option-table.ts';
import { SAME_IN_WS, WS_OPTION_NAMES, type WsDoorName } from '../../src/options/ws-names.ts';
import { resolveLimits } from '../../src/protocol/index.ts';
import type { ListenOptions } from '../../src/server/net-server.ts';
import type { WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import type { PerMessageDeflateOptions } from '../../src/ws-compat/per-message-deflate.ts';
import type { ReceiverOptions } from '../../src/ws-compat/receiver.ts';
import {
  commentsOf,
  DOORS,
  defaultAt,
  LIMIT_NAMES,
  MESSAGES_TYPES,
  refresh,
  saidOf,
  splitComment,
  TABLES,
} from './option-page.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

/** The names of ours that a door takes. */
type OptionAt<Name extends DoorName> = {
  [Option in keyof typeof OPTIONS]: Name extends (typeof OPTIONS)[Option]['at'][number] ? Option : never;
}[keyof typeof OPTIONS];

type NameAt<Door, Row> = Row extends { readonly ws: infer Name; readonly at: readonly (infer At)[] }
  ? Door extends At
    ? Name
    : never
  : never;
/** ws's names of options that have another one here, at a door. */
type WsNameAt<Door extends WsDoorName> = NameAt<Door, (typeof WS_OPTION_NAMES)[number]>;

describe('the page of options', () => {
  it('the types of options within options can be imported', () => {
    expectTypeOf<boolean | HeartbeatOptions | undefined>().toEqualTypeOf<ListenOptions['heartbeat']>();
    expectTypeOf<MessageRate<NetRequest> | undefined>().toEqualTypeOf<ListenOptions['messageRate']>();
    expectTypeOf<ZlibTuning | undefined>().toEqualTypeOf<DeflateOptions['zlibDeflateOptions']>();
    expectTypeOf<ListenOptions>().toExtend<Readonly<BacklogOptions>>();
  });

  it('is the one that the code makes', () => {
    const page = read('spec-notes/options.md');
    expect(page, `put this into spec-notes/options.md:\n\n${refresh(page)}`).toBe(refresh(page));
    for (const name of Object.keys(TABLES)) expect(page).toContain(`<!-- /${name} -->`);
  });

  it('has every option of the types, and no other', () => {
    expectTypeOf<keyof ListenOptions>().toEqualTypeOf<OptionAt<'listen()'>>();
    expectTypeOf<keyof WebSocketServerOptions>().toEqualTypeOf<
      OptionAt<'WebSocketServer'> | WsNameAt<'WebSocketServer'>
    >();
    // The others are those of http.request.
    expectTypeOf<OptionAt<'WebSocket'> | WsNameAt<'WebSocket'>>().toExtend<keyof HandshakeOptions<unknown>>();
    expectTypeOf<keyof WsConnectionOptions | 'generateMask'>().toEqualTypeOf<
      OptionAt<'setSocket()'> | WsNameAt<'setSocket()'>
    >();
    expectTypeOf<keyof ConnectionOptions>().toExtend<OptionAt<'listen()'>>();
    expectTypeOf<keyof ReceiverOptions>().toEqualTypeOf<
      OptionAt<'Receiver'> | WsNameAt<'Receiver'> | 'binaryType' | 'extensions' | 'isServer'
    >();
    expectTypeOf<keyof PerMessageDeflateOptions>().toEqualTypeOf<
      OptionAt<'PerMessageDeflate'> | WsNameAt<'PerMessageDeflate'> | keyof DeflateOptions | 'isServer'
    >();
  });

  it.each(Object.entries<OptionRow>(OPTIONS))('%s: what the types say of it, with the same default', (name, row) => {
    const said = saidOf(name);
    expect(said.length).toBeGreaterThan(0);
    for (const { door, text, value } of said) {
      expect(text).not.toBe('');
      const atDoor = door === 'setSocket()' ? DOORS.find((other) => row.at.includes(other))! : door;
      if (value !== undefined) expect(value).toBe(defaultAt(atDoor, row));
    }
  });

  it('limits, compression and messages are all explained, with their defaults', () => {
    const limits = commentsOf(read('src/protocol/limits.ts'), 'Limits');
    expect([...limits.keys()].sort()).toEqual([...LIMIT_NAMES].sort());
    for (const name of LIMIT_NAMES) {
      const { text, value } = splitComment(limits.get(name)!);
      expect(text).not.toBe('');
      if (value !== undefined) expect(value).toBe(resolveLimits()[name]);
    }
    const deflate = commentsOf(read('src/deflate/negotiate.ts'), 'DeflateOptions');
    expect([...deflate.keys()].sort()).toEqual(Object.keys(DEFLATE_KINDS).sort());
    for (const [, path, type] of MESSAGES_TYPES) {
      for (const comment of commentsOf(read(`src/${path}`), type).values()) expect(comment).not.toBe('');
    }
  });
});

describe('names of ws', () => {
  it('are known, all that a server of ws shows', () => {
    const { options } = new WsLibrary.WebSocketServer({ noServer: true });
    const known: readonly string[] = [...SAME_IN_WS, ...WS_OPTION_NAMES.map(({ ws }) => ws)];
    expect(Object.keys(options).filter((name) => !known.includes(name))).toEqual([]);
  });

  it('are names of ours, or stand for one', () => {
    for (const name of SAME_IN_WS) expect(OPTIONS).toHaveProperty(name);
    for (const { ours } of WS_OPTION_NAMES) {
      if (ours.startsWith('limits.')) expect(LIMIT_NAMES).toContain(ours.slice('limits.'.length));
      else expect(OPTIONS).toHaveProperty(ours);
    }
  });

  it('become ours', () => {
    const given = {
      maxPayload: 0,
      closeTimeout: 5,
      allowSynchronousEvents: false,
      handshakeTimeout: 0.5,
      autoPong: null,
    };
    expect(inOurNames('WebSocket', { ...given, protocols: 'a', limits: { maxFrameBytes: 6 } })).toEqual({
      limits: { maxMessageBytes: Number.POSITIVE_INFINITY, maxFrameBytes: 6 },
      ...{ closeTimeoutMs: 5, spreadsEvents: true, handshakeTimeoutMs: 1, subprotocols: ['a'] },
    });
    // What no timer can hold is for ever, as a client of ws has it.
    expect(inOurNames('WebSocket', { handshakeTimeout: Infinity })).toMatchObject({ handshakeTimeoutMs: 0 });
    expect(inOurNames('setSocket()', { protocols: 'a' })).toMatchObject({ protocols: 'a' });
  });
});

describe('the page of options: each rule bites', () => {
  it('comments of an interface', () => {
    const source = `export interface A<B> extends C {
  /** One. */
  readonly one?: (two?: D) => void;
  /**
   * Two,
   * or more.
   */
  two: number;
  three?: E;
}
/** Not this. */
export interface F { four: 5 }
`;
    expect([...commentsOf(source, 'A')]).toEqual([
      ['one', 'One.'],
      ['two', 'Two, or more.'],
      ['three', ''],
    ]);
  });

  it.each([
    ['Wait. Default 10 000.', 'Wait.', 10_000],
    ['Longest. Default 1 MiB. Close code 1009.', 'Longest. Close code 1009.', 1_048_576],
    ['Bytes. Default 1 048 576 (1 MiB).', 'Bytes.', 1_048_576],
    ['Keep. Default true.', 'Keep.', true],
    ['Keep. Default: all.', 'Keep. Default: all.', undefined],
    ['Nothing.', 'Nothing.', undefined],
  ])('%s', (comment, text, value) => expect(splitComment(comment)).toEqual({ text, value }));
});
