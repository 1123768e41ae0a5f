/**
 * The application of the production trial, the same for all: `/feed` sends 64 KiB every few milliseconds, whoever reads;
 * `/sink` only takes; everything else is an echo. HTTP requests are answered with what its memory has been.
 */

import type { IncomingMessage } from 'node:http';

const FEED = Buffer.alloc(64 * 1024, 'x');
const FEED_EVERY_MS = 5;
const MEMORY_EVERY_MS = 50;

interface TrialSocket {
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): unknown;
  on(event: 'error' | 'close', listener: () => void): unknown;
  send(data: Buffer, options: { readonly binary: boolean }): void;
}

function ignore(): void {}

export function serveTrial(socket: TrialSocket, { url }: Pick<IncomingMessage, 'url'>): void {
  socket.on('error', ignore);
  if (url === '/feed') {
    // Each has memory of its own, as what an application makes for its clients.
    const timer = setInterval(() => socket.send(Buffer.from(FEED), { binary: true }), FEED_EVERY_MS);
    socket.on('close', () => clearInterval(timer));
  } else if (url === '/sink') socket.on('message', ignore);
  else socket.on('message', (data, binary) => socket.send(data, { binary }));
}

/** The most that the heap and what lies outside of it have held, and of clients. @returns the body of HTTP answers, now */
export function watchPeaks(clients: () => { readonly size: number }): () => string {
  let heapBytes = 0;
  let externalBytes = 0;
  let mostClients = 0;
  setInterval(() => {
    const { heapUsed, external } = process.memoryUsage();
    heapBytes = Math.max(heapBytes, heapUsed);
    externalBytes = Math.max(externalBytes, external);
    mostClients = Math.max(mostClients, clients().size);
  }, MEMORY_EVERY_MS).unref();
  return () => JSON.stringify({ heapBytes, externalBytes, mostClients });
}

/** What protects framewright's servers: each is one option. */
export function guards(isGuarded: boolean | undefined): object {
  if (isGuarded !== true) return {};
  return {
    messageRate: { perSecond: 2000, bytesPerSecond: 4 * 1024 * 1024 },
    maxConnectionsPerAddress: 10,
    maxBacklogBytes: 1024 * 1024,
    heartbeat: true,
  };
}
