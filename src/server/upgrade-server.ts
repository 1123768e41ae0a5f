/** The HTTP server that a WebSocketServer makes for itself: nothing is served there but upgrades. */

import type { Server } from 'node:http';
import { checkTimeout } from '../options/server-options.ts';

const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Answers plain requests with 426 (§4.2.2).
 * @param handshakeTimeout how long a request's head may take, in milliseconds; 0 for ever
 * @throws {TypeError | RangeError} when that is not a whole number from 0 on
 */
export function createUpgradeServer(handshakeTimeout = DEFAULT_HANDSHAKE_TIMEOUT_MS): Server {
  const timeoutMs = checkTimeout('handshakeTimeout', handshakeTimeout)!;
  const options = {
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    connectionsCheckingInterval: Math.ceil((timeoutMs || DEFAULT_HANDSHAKE_TIMEOUT_MS) / 4),
  };
  const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http');
  return createServer(options, (_request, response) => {
    const body = STATUS_CODES[426]!;
    // RFC 9110 §7.8: whoever sends Upgrade lists it in Connection.
    const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket' };
    response.writeHead(426, { 'Content-Length': body.length, 'Content-Type': 'text/plain', ...upgrade });
    response.end(body);
  });
}
