/** The main entry beside that of the npm package ws: every name that ws has is there, and is the same kind of thing. */

import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import * as framewright from '../src/index.ts';

const wsClass = createRequire(import.meta.url)('ws') as Record<string, unknown>;
const ourClass = framewright.WebSocket as unknown as Record<string, unknown>;

describe('the main entry', () => {
  it.each(Object.keys(ws).filter((name) => !['default', 'module.exports'].includes(name)))('exports %s', (name) => {
    expect(typeof (framewright as Record<string, unknown>)[name]).toBe(typeof (ws as Record<string, unknown>)[name]);
  });

  it('the default export is the class itself', () => {
    expect(framewright.default).toBe(framewright.WebSocket);
  });

  it.each(Object.keys(wsClass))('the class has %s as an enumerable property of its own', (name) => {
    expect(Object.keys(ourClass)).toContain(name);
    expect(typeof ourClass[name]).toBe(typeof wsClass[name]);
  });

  it('Server is WebSocketServer, and WebSocket the class', () => {
    expect(framewright.WebSocket.Server).toBe(framewright.WebSocketServer);
    expect(framewright.WebSocket.WebSocket).toBe(framewright.WebSocket);
  });

  it('every member of ws’s prototype is on ours', () => {
    const { prototype } = wsClass.WebSocket as { prototype: object };
    const missing = Object.getOwnPropertyNames(prototype).filter((name) => !(name in framewright.WebSocket.prototype));
    expect(missing).toEqual([]);
  });
});
