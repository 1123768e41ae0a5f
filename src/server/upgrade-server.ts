/** The HTTP server that a WebSocketServer makes for itself: nothing is served there but upgrades. */

import type { Server } from 'node:http';

/** How often node:http looks for requests that take too long, where they may take for ever. */
const IDLE_CHECK_MS = 2500;

/**
 * Answers plain requests with 426 (§4.2.2).
 * @param timeoutMs how long a request's head may take; 0 for ever
 */
export function createUpgradeServer(timeoutMs: number): Server {
  const options = {
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    connectionsCheckingInterval: timeoutMs === 0 ? IDLE_CHECK_MS : Math.ceil(timeoutMs / 4),
  };
  const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http');
  return createServer(options, (_request, response) => {
    const body = STATUS_CODES[426]!;
    // RFC 9110 §7.8: whoever sends Upgrade lists it in Connection. Node.js then no longer says there that it closes.
    const upgrade = { Connection: response.shouldKeepAlive ? 'Upgrade' : 'close, Upgrade', Upgrade: 'websocket' };
    response.writeHead(426, { 'Content-Length': body.length, 'Content-Type': 'text/plain', ...upgrade });
    response.end(body);
  });
}
