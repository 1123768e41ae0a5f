/** The addresses of WebSockets that commands are given, which may leave out what goes without saying. */

import { UsageError } from './usage.ts';

/** Without a scheme it is ws:, and without a host this machine. @throws {UsageError} when it is a path */
export function completeAddress(text: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || text.startsWith('ws+unix:')) return text;
  if (/^[./~]/.test(text)) {
    throw new UsageError(
      `${JSON.stringify(text)} is no address: a unix socket is written ws+unix:/path/of/socket:/resource`,
    );
  }
  return `ws://${text.startsWith(':') ? 'localhost' : ''}${text}`;
}
