import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import {
  type CallInput,
  type CallName,
  type CallOutput,
  type CallReturn,
  type ChannelName,
  defineProtocol,
  type MemberDataOf,
  type MemberInput,
  type MessageInput,
  type MessageOf,
  type ParamsOf,
  type Pattern,
  type PatternOf,
  type StandardSchemaV1,
} from '../../src/realtime-protocol/index.ts';

const message = z.object({ by: z.string() });

describe('defineProtocol', () => {
  it('gives what it was given', () => {
    const channels = {
      'room:{room}': { message, history: { messages: 1 } },
      news: { message, latestBy: 'by' },
    } as const;
    const calls = { say: { input: message, output: v.number() } };
    expect(defineProtocol({ channels, calls })).toEqual({ channels, calls });
    expect(defineProtocol({ channels })).toEqual({ channels, calls: {} });
  });

  const WHOLE = 'must be a whole number from 1';
  const rows: [definition: unknown, fault: string][] = [
    [undefined, 'the definition has to be an object'],
    [{}, 'channels has to be an object'],
    [{ channels: {}, call: {} }, "the definition has no 'call': channels, calls"],
    [{ channels: {}, calls: null }, 'calls has to be an object'],
    [{ channels: { a: undefined } }, "channels['a'] has to be an object"],
    [{ channels: { a: {} } }, "channels['a'].message has to be a schema with Standard Schema's interface"],
    [{ channels: { a: { message: z.string } } }, "channels['a'].message has to be a schema"],
    [{ channels: { a: { message, member: {} } } }, "channels['a'].member has to be a schema"],
    [
      { channels: { a: { message, histroy: {} } } },
      "channels['a'] has no 'histroy': message, member, history, latestBy",
    ],
    [{ channels: { a: { message, history: true } } }, "channels['a'].history has to be an object"],
    [{ channels: { a: { message, history: null } } }, "channels['a'].history has to be an object"],
    [{ channels: { a: { message, history: {} } } }, "channels['a'].history.messages must be a number, not undefined"],
    [{ channels: { a: { message, history: { messages: 0 } } } }, `messages ${WHOLE} to 1000000; got 0`],
    [{ channels: { a: { message, history: { messages: 1e6 + 1 } } } }, `messages ${WHOLE} to 1000000`],
    [{ channels: { a: { message, history: { messages: 1, bytes: 1.5 } } } }, `bytes ${WHOLE} on; got 1.5`],
    [{ channels: { a: { message, history: { messages: 1, bytes: null } } } }, 'bytes must be a number'],
    [{ channels: { a: { message, history: { messages: 1, ageMs: Infinity } } } }, `ageMs ${WHOLE} on`],
    [
      { channels: { a: { message, history: { messages: 1, agems: 1 } } } },
      "history has no 'agems': messages, bytes, ageMs",
    ],
    [{ channels: { a: { message, history: { messages: 1 }, latestBy: 'by' } } }, 'has both history and latestBy'],
    [{ channels: { a: { message, latestBy: 1 } } }, "channels['a'].latestBy has to be the name of a message's member"],
    [{ channels: { 'a:{': { message } } }, "'a:{' has a brace without its other one"],
    [{ channels: { 'a:{b}': { message }, 'a:b': { message } } }, "'a:{b}' and 'a:b' can stand for the same name"],
    [{ channels: {}, calls: { say: {} } }, "calls['say'].input has to be a schema"],
    [{ channels: {}, calls: { say: { input: message } } }, "calls['say'].output has to be a schema"],
    [
      { channels: {}, calls: { say: { input: message, ouput: message } } },
      "calls['say'] has no 'ouput': input, output",
    ],
    [{ channels: {}, calls: { '': { input: message, output: message } } }, "calls[''] has no name that can be sent"],
  ];
  it.each(rows)('%j', (definition, fault) => {
    let error: unknown;
    try {
      defineProtocol(definition as Parameters<typeof defineProtocol>[0]);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(fault.includes(WHOLE) ? RangeError : TypeError);
    expect((error as Error).message).toMatch(/^defineProtocol\(\): /);
    expect((error as Error).message).toContain(fault);
  });

  it('takes the bounds themselves', () => {
    const history = { messages: 1_000_000, bytes: Number.MAX_SAFE_INTEGER, ageMs: Number.MAX_SAFE_INTEGER };
    expect(defineProtocol({ channels: { a: { message, history } } }).channels.a.history).toEqual(history);
  });
});

/** tsc is the test of what follows. */
const time = v.pipe(
  v.string(),
  v.transform((text) => new Date(text)),
);
const protocol = defineProtocol({
  channels: {
    news: { message: z.object({ title: z.string(), level: z.number().default(1) }) },
    'room:{room}': { message: z.object({ by: z.string() }), member: z.object({ name: z.string().optional() }) },
    'room:{room}:typing': { message: z.object({ typing: z.boolean() }), latestBy: 'typing' },
    '{kind}/{id}': { message: v.object({ at: time }) },
  },
  calls: {
    say: { input: z.object({ text: z.string(), loud: z.boolean().default(false) }), output: time },
    now: { input: z.undefined(), output: z.number() },
  },
});
type P = typeof protocol;
type C = P['channels'];

describe('the types of a protocol', () => {
  it('params', () => {
    expectTypeOf<ParamsOf<'news'>>().toEqualTypeOf<unknown>();
    expectTypeOf<ParamsOf<'room:{room}'>>().toMatchTypeOf<{ readonly room: string }>();
    expectTypeOf<ParamsOf<'{kind}/{id}'>>().toMatchTypeOf<{ readonly kind: string; readonly id: string }>();
    expectTypeOf<keyof ParamsOf<'{kind}/{id}'>>().toEqualTypeOf<'kind' | 'id'>();
  });

  it('names', () => {
    expectTypeOf<Pattern<P>>().toEqualTypeOf<'news' | 'room:{room}' | 'room:{room}:typing' | '{kind}/{id}'>();
    expectTypeOf<'news' | 'room:a' | 'room:a:typing' | 'x/1'>().toMatchTypeOf<ChannelName<P>>();
    expectTypeOf<'new'>().not.toMatchTypeOf<ChannelName<P>>();
    expectTypeOf<'rooms:a'>().not.toMatchTypeOf<ChannelName<P>>();
    expectTypeOf<CallName<P>>().toEqualTypeOf<'say' | 'now'>();
    expectTypeOf<CallName<ReturnType<typeof noCalls>>>().toEqualTypeOf<never>();
  });

  it('the pattern of a name, which has as many colons', () => {
    expectTypeOf<PatternOf<C, 'news'>>().toEqualTypeOf<'news'>();
    expectTypeOf<PatternOf<C, 'room:a'>>().toEqualTypeOf<'room:{room}'>();
    expectTypeOf<PatternOf<C, `room:${string}`>>().toEqualTypeOf<'room:{room}'>();
    expectTypeOf<PatternOf<C, 'room:a:typing'>>().toEqualTypeOf<'room:{room}:typing'>();
    expectTypeOf<PatternOf<C, `room:${string}:typing`>>().toEqualTypeOf<'room:{room}:typing'>();
    expectTypeOf<PatternOf<C, `${number}/${number}`>>().toEqualTypeOf<'{kind}/{id}'>();
    expectTypeOf<PatternOf<C, 'news' | 'room:a'>>().toEqualTypeOf<'news' | 'room:{room}'>();
    expectTypeOf<PatternOf<C, 'room:a:b'>>().toEqualTypeOf<never>();
    expectTypeOf<PatternOf<C, 'none'>>().toEqualTypeOf<never>();
  });

  it('what goes in and what comes out', () => {
    expectTypeOf<MessageInput<P, 'news'>>().toEqualTypeOf<{ title: string; level?: number | undefined }>();
    expectTypeOf<MessageOf<P, 'news'>>().toEqualTypeOf<{ title: string; level: number }>();
    expectTypeOf<MessageInput<P, 'a/1'>>().toEqualTypeOf<{ at: string }>();
    expectTypeOf<MessageOf<P, 'a/1'>>().toEqualTypeOf<{ at: Date }>();
    expectTypeOf<MessageInput<P, 'room:a'>>().toEqualTypeOf<{ by: string }>();
    expectTypeOf<MessageInput<P, 'room:a:typing'>>().toEqualTypeOf<{ typing: boolean }>();
    expectTypeOf<MemberInput<P, 'room:a'>>().toEqualTypeOf<{ name?: string | undefined }>();
    expectTypeOf<MemberDataOf<P, 'room:a'>>().toEqualTypeOf<{ name?: string | undefined }>();
    expectTypeOf<MemberDataOf<P, 'news'>>().toEqualTypeOf<undefined>();
    expectTypeOf<CallInput<P, 'say'>>().toEqualTypeOf<{ text: string; loud?: boolean | undefined }>();
    expectTypeOf<CallReturn<P, 'say'>>().toEqualTypeOf<string>();
    expectTypeOf<CallOutput<P, 'say'>>().toEqualTypeOf<Date>();
    expectTypeOf<CallInput<P, 'now'>>().toEqualTypeOf<undefined>();
  });

  it('a schema by hand is one too', () => {
    expectTypeOf<MessageInput<ReturnType<typeof noCalls>, 'n'>>().toEqualTypeOf<number>();
    expectTypeOf<MessageOf<ReturnType<typeof noCalls>, 'n'>>().toEqualTypeOf<string>();
    expect(noCalls().calls).toEqual({});
  });
});

function noCalls() {
  const schema: StandardSchemaV1<number, string> = {
    '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: String(value) }) },
  };
  return defineProtocol({ channels: { n: { message: schema } } });
}
