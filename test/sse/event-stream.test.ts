/** A stream over a carrier that the test plays: what waits, what ends it, and the beats of all by one timer. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventStream, prepareEvent, type SinkHandler, whenGone } from '../../src/sse/event-stream.ts';

const SETTINGS = { heartbeat: { intervalMs: 100, timeoutMs: 250 }, maxBacklogBytes: 100 };
const streams: EventStream[] = [];

function open(settings: Partial<typeof SETTINGS> | { heartbeat: undefined } = {}) {
  const written: string[] = [];
  const log: string[] = [];
  let handler!: SinkHandler;
  const state = { takes: true, tells: true };
  const facts = { lastEventId: '', user: undefined };
  const stream = new EventStream<unknown>(facts, { ...SETTINGS, ...settings }, (given) => {
    handler = given;
    return {
      write(bytes) {
        written.push(Buffer.from(bytes).toString());
        return state.takes;
      },
      end: () => log.push('end') > 0 && state.tells,
      destroy: () => void log.push('destroy'),
    };
  });
  stream.on('close', (reason) => void log.push(`close ${reason}`)).on('drain', () => void log.push('drain'));
  streams.push(stream);
  const drain = (takes = true) => {
    state.takes = takes;
    handler.drained();
  };
  return { stream, written, log, state, drain, gone: () => handler.gone() };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  for (const stream of streams.splice(0)) stream.terminate();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('what waits', () => {
  it('is kept in order until the carrier takes more, up to maxBacklogBytes', () => {
    const { stream, written, log, state, drain } = open();
    state.takes = false;
    // While it is writable, an event of any length may be sent.
    expect(stream.send({ data: 'a'.repeat(1000) })).toBe(false);
    expect([stream.isWritable, stream.bufferedAmount]).toEqual([false, 0]);
    stream.send({ data: 'b' });
    stream.send(prepareEvent({ data: 'c' }));
    expect([written.length, stream.bufferedAmount]).toEqual([1, 18]);
    drain();
    expect(written.slice(1)).toEqual(['data: b\n\n', 'data: c\n\n']);
    expect([stream.isWritable, stream.bufferedAmount, log]).toEqual([true, 0, ['drain']]);
  });

  it('stays where it is when the carrier takes one more only', () => {
    const { stream, written, log, state, drain } = open();
    state.takes = false;
    for (const data of ['a', 'b', 'c']) stream.send({ data });
    drain(false);
    expect([written.length, stream.bufferedAmount, log]).toEqual([2, 9, []]);
    drain();
    expect([written.length, log]).toEqual([3, ['drain']]);
  });

  it('past maxBacklogBytes the stream is cut, and what waited is gone', () => {
    const { stream, log, state } = open();
    state.takes = false;
    stream.send({ data: 'x' });
    for (let i = 0; i < 4; i++) stream.send({ data: 'x'.repeat(17) });
    expect([stream.bufferedAmount, log]).toEqual([100, []]);
    stream.send({ data: '' });
    expect([stream.bufferedAmount, stream.isClosed, log]).toEqual([0, true, ['destroy', 'close backlog']]);
  });
});

describe('the end', () => {
  it('close() lets what waits leave first', () => {
    const { stream, written, log, state, drain } = open();
    state.takes = false;
    stream.send({ data: 'a' });
    stream.send({ data: 'b' });
    stream.close();
    stream.close();
    expect([stream.isClosed, stream.send({ data: 'c' }), log]).toEqual([true, false, ['close server']]);
    drain();
    expect([written.join(''), log]).toEqual(['data: a\n\ndata: b\n\n', ['close server', 'end']]);
  });

  it('terminate() does not, not even behind close()', () => {
    const { stream, log, state } = open();
    state.takes = false;
    stream.send({ data: 'a' });
    stream.send({ data: 'b' });
    stream.close();
    stream.terminate();
    stream.terminate();
    expect(log).toEqual(['close server', 'destroy']);
  });

  it.each([true, false])('is whole when the carrier says so, or has it all and says nothing more: %s', (tells) => {
    const { stream, log, state, drain, gone } = open();
    Object.assign(state, { takes: false, tells });
    whenGone(stream, () => void log.push('gone'));
    stream.send({ data: 'a' });
    stream.send({ data: 'b' });
    stream.close();
    drain();
    if (tells) gone();
    expect(log).toEqual(['close server', 'end', 'gone']);
  });

  it('is told once, whoever ends it', () => {
    const { stream, log, gone } = open();
    const { signal } = stream;
    gone();
    stream.close();
    stream.terminate();
    expect([log, signal.aborted]).toEqual([['close client'], true]);
    expect(stream.signal.aborted).toBe(true);
    const other = open();
    other.stream.close();
    expect(other.stream.signal.aborted).toBe(true);
  });

  it('fields that cannot be sent throw, and send nothing', () => {
    const { stream, written } = open();
    expect(() => stream.send({ event: 'x\ndata: injected', data: '' })).toThrow(TypeError);
    expect(() => stream.send({ id: '1\r2', data: '' })).toThrow(TypeError);
    expect(written).toEqual([]);
  });
});

describe('the heartbeat', () => {
  it('is a comment for each interval in which nothing was sent, by one timer for all', () => {
    const all = Array.from({ length: 100 }, () => open());
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(100);
    all[0]!.stream.send({ data: 'x' });
    vi.advanceTimersByTime(100);
    expect(all[1]!.written).toEqual([':\n\n']);
    expect(all[0]!.written).toEqual(['data: x\n\n']);
    vi.advanceTimersByTime(100);
    expect(all[0]!.written).toEqual(['data: x\n\n', ':\n\n']);
    for (const { stream } of all) stream.terminate();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives up who takes nothing for timeoutMs', () => {
    const { log, stream, state, drain, written } = open();
    state.takes = false;
    stream.send({ data: 'x' });
    vi.advanceTimersByTime(200);
    drain();
    state.takes = false;
    stream.send({ data: 'y' });
    vi.advanceTimersByTime(200);
    expect(log).toEqual(['drain']);
    vi.advanceTimersByTime(100);
    expect(log).toEqual(['drain', 'destroy', 'close timeout']);
    expect(written).toEqual(['data: x\n\n', 'data: y\n\n']);
  });

  it('and who does not take the end', () => {
    const { log, stream, state } = open();
    state.takes = false;
    stream.send({ data: 'x' });
    stream.send({ data: 'y' });
    stream.close();
    vi.advanceTimersByTime(300);
    expect(log).toEqual(['close server', 'destroy']);
  });

  it('can be switched off', () => {
    open({ heartbeat: undefined });
    expect(vi.getTimerCount()).toBe(0);
  });
});
