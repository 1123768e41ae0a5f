import { createDeflateRaw } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { checkHandleClass, openHandleZlib } from '../../src/deflate/sync-zlib.ts';

type Handle = Record<string, unknown>;

function handleOf(stream: object): Handle {
  return (stream as { readonly _handle: Handle })._handle;
}

/** Runs the check while the handles of this process are not what they were. */
function checkWith(change: (prototype: Handle) => void): unknown {
  const probe = createDeflateRaw();
  const prototype = Object.getPrototypeOf(handleOf(probe)) as Handle;
  const original = { ...Object.getOwnPropertyDescriptors(prototype) };
  change(prototype);
  try {
    return checkHandleClass(probe);
  } finally {
    Object.defineProperties(prototype, original);
    probe.close();
  }
}

describe('the kept handle is checked before it is used', () => {
  it('RFC 7692 §7.2 this Node has it', () => {
    expect(checkWith(() => {})).toBeTypeOf('function');
    const tuning = { level: -1, memLevel: 8, strategy: 0, dictionary: undefined, maxSyncBytes: 100 };
    openHandleZlib({ ...tuning, direction: 'inflate', windowBits: 15 })!.close();
  });

  it('RFC 7692 §7.2 the check leaves the handles as they were', () => {
    const probe = createDeflateRaw();
    const prototype = Object.getPrototypeOf(handleOf(probe)) as Handle;
    const { init, write, writeSync } = prototype;
    checkHandleClass(probe);
    expect([prototype.init, prototype.write, prototype.writeSync]).toEqual([init, write, writeSync]);
    probe.close();
  });

  type Method = (this: unknown, ...args: unknown[]) => unknown;
  // Not `init`: a handle that was made and never begun ends the process when it is collected.
  const without = (method: string) => (prototype: Handle) => {
    prototype[method] = undefined;
  };
  const wrapped = (method: string, wrap: (original: Method) => Method) => (prototype: Handle) => {
    prototype[method] = wrap(prototype[method] as Method);
  };
  const rows: readonly [title: string, change: (prototype: Handle) => void][] = [
    ['no writeSync', without('writeSync')],
    [
      'a write that throws',
      wrapped('write', () => () => {
        throw new Error('not here');
      }),
    ],
    [
      'a writeSync with other output',
      wrapped('writeSync', (original) => {
        return function (...args) {
          original.apply(this, args);
          (args[4] as Uint8Array)[0]! ^= 1;
        };
      }),
    ],
  ];
  for (const [title, change] of rows) {
    it(`RFC 7692 §7.2 ${title}: not used`, () => expect(checkWith(change)).toBeUndefined());
  }

  it('RFC 7692 §7.2 a stream of another make: not used', () => {
    class Other {
      init(): void {}
      write(): void {}
      writeSync(): void {}
    }
    expect(checkHandleClass({ _handle: new Other() })).toBeUndefined();
    expect(checkHandleClass({})).toBeUndefined();
    expect(checkHandleClass({ _handle: {} })).toBeUndefined();
  });
});
