/** The shape of the interfaces by Web IDL (https://webidl.spec.whatwg.org): members, descriptors, brand checks, handlers. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { CloseEvent, WebSocket, WebSocketError, WebSocketStream } from '../../src/web/index.ts';

const CONSTANTS = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;
const READONLY = ['url', 'readyState', 'bufferedAmount', 'extensions', 'protocol'] as const;
const HANDLERS = ['onopen', 'onmessage', 'onerror', 'onclose'] as const;

/** A socket that connects to nothing. */
function make(): WebSocket {
  return new WebSocket('ws://127.0.0.1:1/');
}

function descriptor(of: object, name: string): PropertyDescriptor {
  return Object.getOwnPropertyDescriptor(of, name)!;
}

describe('WebSocket', () => {
  it('is a class of one required argument that inherits from EventTarget', () => {
    expect([WebSocket.name, WebSocket.length]).toEqual(['WebSocket', 1]);
    expect(Object.getPrototypeOf(WebSocket)).toBe(EventTarget);
    expect(Object.getPrototypeOf(WebSocket.prototype)).toBe(EventTarget.prototype);
    expect(WebSocket.prototype.constructor).toBe(WebSocket);
    expect(descriptor(WebSocket, 'prototype').writable).toBe(false);
    expect(Object.prototype.toString.call(make())).toBe('[object WebSocket]');
    expect(Object.getOwnPropertyDescriptor(WebSocket.prototype, Symbol.toStringTag)).toEqual({
      value: 'WebSocket',
      writable: false,
      enumerable: false,
      configurable: true,
    });
  });

  it('has the members of the standard and no others, on it and its objects', () => {
    const members = ['constructor', ...Object.keys(CONSTANTS), ...READONLY, ...HANDLERS, 'binaryType', 'send', 'close'];
    expect(Object.getOwnPropertyNames(WebSocket.prototype).sort()).toEqual([...members].sort());
    expect(Object.keys(WebSocket)).toEqual(Object.keys(CONSTANTS));
    expect(Object.keys(WebSocket.prototype).sort()).toEqual(members.filter((name) => name !== 'constructor').sort());
    // Node itself keeps listeners in properties with symbols.
    expect(Object.getOwnPropertyNames(make())).toEqual([]);
  });

  it.each(Object.entries(CONSTANTS))('%s is %i on the class and on its objects, and stays so', (name, value) => {
    for (const holder of [WebSocket, WebSocket.prototype]) {
      expect(descriptor(holder, name)).toEqual({ value, writable: false, enumerable: true, configurable: false });
    }
  });

  it.each(READONLY)('%s is read only', (name) => {
    const { get, set, enumerable, configurable } = descriptor(WebSocket.prototype, name);
    expect([get?.name, get?.length, set, enumerable, configurable]).toEqual([`get ${name}`, 0, undefined, true, true]);
    expect(() => get!.call({})).toThrow(TypeError);
    expect(() => get!.call(WebSocket.prototype)).toThrow(TypeError);
    expect(() => get!.call(undefined)).toThrow(TypeError);
  });

  it.each([...HANDLERS, 'binaryType'])('%s can be set, of WebSockets only', (name) => {
    const { get, set, enumerable, configurable } = descriptor(WebSocket.prototype, name);
    expect([get?.name, set?.name, set?.length]).toEqual([`get ${name}`, `set ${name}`, 1]);
    expect([enumerable, configurable]).toEqual([true, true]);
    expect(() => get!.call(new EventTarget())).toThrow(TypeError);
    for (const value of ['blob', 'no type', null]) {
      expect(() => set!.call(new EventTarget(), value), String(value)).toThrow(TypeError);
    }
  });

  it.each([
    ['send', 1],
    ['close', 0],
  ] as const)('%s is a method of %i required arguments, of WebSockets only', (name, length) => {
    const { value, writable, enumerable, configurable } = descriptor(WebSocket.prototype, name);
    expect([value.name, value.length, writable, enumerable, configurable]).toEqual([name, length, true, true, true]);
    expect(() => value.call(new EventTarget(), 'x')).toThrow(TypeError);
    expect(() => Reflect.construct(value, [])).toThrow(TypeError);
  });

  it('can be extended', () => {
    class Mine extends WebSocket {
      override send(): void {}
    }
    const mine = new Mine('ws://127.0.0.1:1/');
    expect([mine instanceof WebSocket, mine.url]).toEqual([true, 'ws://127.0.0.1:1/']);
    mine.send();
  });
});

describe.each(HANDLERS)('%s', (property) => {
  const type = property.slice(2) as 'open';
  const dispatch = (socket: WebSocket) => socket.dispatchEvent(new Event(type, { cancelable: true }));

  it('is null at first; takes functions and other objects, and null for the rest', () => {
    const socket = make();
    expect(socket[property]).toBeNull();
    const callback = () => {};
    const object = { handleEvent: () => expect.unreachable() };
    for (const [given, kept] of [
      [callback, callback],
      [2, null],
      [object, object],
      ['x', null],
      [Symbol('x'), null],
      [undefined, null],
    ]) {
      socket[property] = given as never;
      expect(socket[property]).toBe(kept);
      dispatch(socket);
    }
  });

  it('is called with the socket as this, at its turn among the listeners', () => {
    const socket = make();
    const seen: string[] = [];
    socket.addEventListener(type, () => seen.push('first'));
    socket[property] = function (this: WebSocket) {
      seen.push(this === socket ? 'old' : 'wrong this');
    };
    socket.addEventListener(type, () => seen.push('last'));
    socket[property] = () => seen.push('new');
    dispatch(socket);
    socket[property] = null;
    dispatch(socket);
    socket[property] = () => seen.push('anew');
    dispatch(socket);
    expect(seen).toEqual(['first', 'new', 'last', 'first', 'last', 'first', 'last', 'anew']);
  });

  it('that returns false cancels the event', () => {
    const socket = make();
    socket[property] = () => false;
    expect(dispatch(socket)).toBe(false);
    socket[property] = () => 0;
    expect(dispatch(socket)).toBe(true);
  });
});

describe('EventTarget', () => {
  it('listeners are whole: objects, once, signal, capture, removal; and none is too many', async () => {
    const warnings: unknown[] = [];
    const onWarning = (warning: unknown) => warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const socket = make();
    const seen: string[] = [];
    const object = { handleEvent: (event: Event) => seen.push(`object ${event.type}`) };
    const controller = new AbortController();
    socket.addEventListener('x', object);
    socket.addEventListener('x', object);
    socket.addEventListener('x', () => seen.push('once'), { once: true });
    socket.addEventListener('x', () => seen.push('signal'), { signal: controller.signal });
    socket.dispatchEvent(new Event('x'));
    controller.abort();
    socket.removeEventListener('x', object);
    socket.dispatchEvent(new Event('x'));
    expect(seen).toEqual(['object x', 'once', 'signal']);
    for (let i = 0; i < 50; i++) socket.addEventListener('message', () => {});
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
  });
});

describe('CloseEvent', () => {
  it('is an Event with a code, a reason and whether the close was clean', () => {
    const event = new CloseEvent('close', { wasClean: true, code: 3000, reason: 'why\uD800', cancelable: true });
    expect(event).toBeInstanceOf(Event);
    expect([event.type, event.wasClean, event.code, event.reason, event.cancelable]).toEqual([
      'close',
      true,
      3000,
      'why\uFFFD',
      true,
    ]);
    const plain = new CloseEvent('x');
    expect([plain.type, plain.wasClean, plain.code, plain.reason, plain.bubbles]).toEqual(['x', false, 0, '', false]);
    expect([CloseEvent.name, CloseEvent.length]).toEqual(['CloseEvent', 1]);
    expect(Object.prototype.toString.call(event)).toBe('[object CloseEvent]');
  });

  it('refuses what cannot be converted, and what is none', () => {
    expect(() => Reflect.construct(CloseEvent, [])).toThrow(TypeError);
    expect(() => Reflect.construct(CloseEvent, ['x', 1])).toThrow(TypeError);
    for (const name of ['wasClean', 'code', 'reason']) {
      const { get, set, enumerable } = descriptor(CloseEvent.prototype, name);
      expect([get?.name, set, enumerable]).toEqual([`get ${name}`, undefined, true]);
      expect(() => get!.call(new Event('close'))).toThrow(TypeError);
    }
  });

  it('is the global one where there is one', () => {
    const { CloseEvent: globalClass } = globalThis as { CloseEvent?: unknown };
    if (globalClass !== undefined) expect(CloseEvent).toBe(globalClass);
    else expect(CloseEvent.prototype).toBeInstanceOf(Event);
  });
});

describe('WebSocketStream and WebSocketError', () => {
  it('have the members of the standard', () => {
    expect(Object.keys(WebSocketStream.prototype)).toEqual(['url', 'opened', 'closed', 'close']);
    expect(Object.keys(WebSocketError.prototype)).toEqual(['closeCode', 'reason']);
    expect([WebSocketStream.length, WebSocketError.length]).toEqual([1, 0]);
    expect(Object.getPrototypeOf(WebSocketError)).toBe(DOMException);
  });
});
