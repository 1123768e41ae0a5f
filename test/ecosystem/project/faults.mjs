/**
 * Breaks the engine on purpose, to see that the scenarios notice: loaded ahead of a scenario with `--import`, it replaces
 * methods of the class that every package in this project has got. FAULT names what to break.
 */

import { createRequire } from 'node:module';

const Engine = createRequire(import.meta.url)('ws');
const { prototype } = Engine;
const { emit, send } = prototype;

/** Replaces the arguments of an event; undefined swallows it. */
function onEvent(event, change) {
  prototype.emit = function emitChanged(name, ...args) {
    if (name !== event) return emit.call(this, name, ...args);
    const changed = change(this, ...args);
    return changed === undefined ? true : emit.call(this, name, ...changed);
  };
}

const received = new WeakMap();

const FAULTS = {
  'swapped kinds': () => onEvent('message', (_, data, isBinary) => [data, !isBinary]),
  'text sent as binary': () => {
    prototype.send = function sendBinary(data, options, callback) {
      if (typeof options === 'function') return send.call(this, data, { binary: true }, options);
      return send.call(this, data, { ...options, binary: true }, callback);
    };
  },
  'lost messages': () =>
    onEvent('message', (socket, ...args) => {
      const count = (received.get(socket) ?? 0) + 1;
      received.set(socket, count);
      return count % 2 === 0 ? undefined : args;
    }),
  'altered byte': () =>
    onEvent('message', (_, data, isBinary) => {
      const altered = Buffer.from(data instanceof ArrayBuffer ? data.slice(0) : Buffer.concat([data]));
      if (altered.length > 0) altered[altered.length >> 1] ^= 1;
      return [data instanceof ArrayBuffer ? altered.buffer : altered, isBinary];
    }),
  'lost close code': () => onEvent('close', () => [1005, Buffer.alloc(0)]),
  'lost pongs': () => onEvent('pong', () => undefined),
  'lost subprotocol': () => Object.defineProperty(prototype, 'protocol', { get: () => '' }),
  /** Socket.IO encodes the frame of a broadcast once, with this. */
  'damaged broadcasts': () => {
    const { frame } = Engine.Sender;
    Engine.Sender.frame = (data, options) => frame(data, { ...options, opcode: 2 });
  },
};

FAULTS[process.env.FAULT]();
