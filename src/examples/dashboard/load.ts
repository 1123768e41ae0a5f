/** A little load, so that there is something to see: clients that come and go, one that does not read, some that are refused. */

import { WebSocket } from '../../index.ts';

const CLIENTS = 24;
const TICK_MS = 50;

/** @returns what ends it */
export function makeLoad(address: string): () => void {
  const { origin } = new URL(address.replace('ws', 'http'));
  const clients = new Set<WebSocket>();
  const connect = (path = '', subprotocols = ['echo']) => {
    const socket = new WebSocket(address + path, subprotocols, { origin, heartbeat: false });
    socket.on('open', () => clients.add(socket)).on('close', () => clients.delete(socket));
    socket.on('error', () => {});
    return socket;
  };
  for (let i = 0; i < CLIENTS; i++) connect(`?user=user-${i}`, i % 3 === 0 ? [] : ['echo']);
  let tick = 0;
  const timer = setInterval(() => {
    tick++;
    const open = [...clients].filter(({ readyState, isPaused }) => readyState === WebSocket.OPEN && !isPaused);
    const wave = 1.2 + Math.sin(tick / 150) + 0.4 * Math.sin(tick / 19);
    const count = open.length === 0 ? 0 : Math.round(6 * wave * (0.7 + 0.6 * Math.random()));
    for (let i = 0; i < count; i++) {
      const text = 'x'.repeat(20 + Math.floor(800 * Math.random() ** 3));
      open[Math.floor(open.length * Math.random() ** 2)]!.send(text);
    }
    if (tick % 90 === 0 && clients.size > 8) open[0]?.close();
    if (tick % 90 === 45 || clients.size < 12) connect(`?user=guest-${tick}`);
    if (tick % 700 === 300) connect('/nowhere');
    if (tick % 900 === 500) stall(open[0]);
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    for (const socket of clients) socket.close();
  };
}

/** It asks for much, and reads nothing of it for a while. */
function stall(socket: WebSocket | undefined): void {
  if (socket === undefined) return;
  socket.pause();
  for (let i = 0; i < 160; i++) socket.send('x'.repeat(60_000));
  setTimeout(() => socket.resume(), 8000).unref();
}
