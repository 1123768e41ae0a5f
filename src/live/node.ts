/** The entry for clients of a hub in Node.js, Deno and Bun: as for browsers, with our WebSocket where none is given. */

import { WebSocket } from '../web/index.ts';
import * as anywhere from './index.ts';
import type { ConnectionOptions } from './types.ts';

export * from './index.ts';

const withWebSocket = <Options extends ConnectionOptions>(options?: Options) =>
  ({ ...options, WebSocket: options?.WebSocket ?? WebSocket }) as Options;

export const connect = ((...args: unknown[]) => {
  // Options stand behind the URL.
  const place = typeof args[0] === 'string' || args[0] instanceof URL ? 1 : 2;
  const options = withWebSocket(args[place] as ConnectionOptions | undefined);
  return Reflect.apply(anywhere.connect, undefined, [...args.slice(0, place), options]);
}) as typeof anywhere.connect;

export const reconnecting: typeof anywhere.reconnecting = (url, options) =>
  anywhere.reconnecting(url, withWebSocket(options));
