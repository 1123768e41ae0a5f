/** Compiled with the DOM library: what programs write for browsers' WebSocket is taken by ours, and the other way round. */

import * as web from '../../../src/web/index.ts';

const socket = new web.WebSocket('ws://x.invalid', ['a', 'b']);

export const asDom: globalThis.WebSocket = socket;
export const fromDom: web.WebSocket = new globalThis.WebSocket('ws://x.invalid');
export const constructorAsDom: new (url: string | URL, protocols?: string | string[]) => globalThis.WebSocket =
  web.WebSocket;
export const closeEvent: globalThis.CloseEvent = new web.CloseEvent('close', { code: 1000 });

socket.onopen = (event: Event) => event.type;
socket.onmessage = (event: MessageEvent<string>) => event.data.length;
socket.onmessage = function ({ data }) {
  this.send(data);
};
socket.onclose = ({ code, reason, wasClean }: CloseEvent) => `${code.toFixed()}${reason}${wasClean}`;
socket.onerror = ({ error }) => error?.message;
socket.addEventListener('message', (event: MessageEvent) => event.data);
socket.addEventListener('close', ({ code }) => code.toFixed(), { once: true });
socket.addEventListener('anything', { handleEvent: (event) => event.type });
socket.send(new Uint8Array(1));
socket.send(new Blob([]));
socket.binaryType = 'arraybuffer';

// @ts-expect-error no message
socket.send({});
// @ts-expect-error unknown
socket.binaryType = 'nodebuffer';
// @ts-expect-error a code is a number
socket.close('1000');

export class Mine extends web.WebSocket {
  override send(data: string): void {
    super.send(data);
  }
}

const stream = new web.WebSocketStream('ws://x.invalid', { protocols: ['a'], signal: AbortSignal.abort() });
stream.closed.then(({ closeCode, reason }) => `${closeCode.toFixed()}${reason}`);
stream.opened.catch((error: unknown) => error instanceof web.WebSocketError && error.closeCode?.toFixed());
