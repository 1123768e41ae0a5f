/** HTTP requests and WebSocket echo on one port: each alone, then both at once, so that it shows whether one starves. */

import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import type { Figures, HttpLoad, RunLoad, Target, Timing } from './contract.ts';
import { startEcho } from './echo.ts';

interface HttpFigures {
  readonly perSecond: number;
  readonly p99Ms: number;
}

async function requestHttp({ port }: Target, connections: number, durationMs: number): Promise<HttpFigures> {
  const begin = performance.now();
  // autocannon knows whole seconds only.
  const duration = Math.max(1, Math.round(durationMs / 1000));
  const result = await autocannon({ url: `http://127.0.0.1:${port}`, connections, duration });
  const elapsedMs = performance.now() - begin;
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} bad answers, ${result.errors} errors`);
  return { perSecond: (result.requests.total * 1000) / elapsedMs, p99Ms: result.latency.p99 };
}

/** @param meanwhile what else goes on; the window is as long as it takes. @returns answers per second */
async function echoPerSecond(count: () => number, meanwhile: () => Promise<unknown>): Promise<number> {
  const [before, begin] = [count(), performance.now()];
  await meanwhile();
  return ((count() - before) * 1000) / (performance.now() - begin);
}

export const run: RunLoad<HttpLoad> = async (target, load, timing: Timing): Promise<Figures> => {
  const { warmUpMs, durationMs } = timing;
  await requestHttp(target, load.httpConnections, warmUpMs);
  const httpAlone = await requestHttp(target, load.httpConnections, durationMs);
  const traffic = await startEcho(target, load);
  await sleep(warmUpMs);
  const echoAlone = await echoPerSecond(traffic.count, () => sleep(durationMs));
  let both: HttpFigures | undefined;
  const echoBoth = await echoPerSecond(traffic.count, async () => {
    both = await requestHttp(target, load.httpConnections, durationMs);
  });
  await traffic.stop();
  return {
    httpAlone: httpAlone.perSecond,
    httpBoth: both!.perSecond,
    httpShare: both!.perSecond / httpAlone.perSecond,
    httpP99: both!.p99Ms * 1000,
    echoAlone,
    echoBoth,
    echoShare: echoBoth / echoAlone,
  };
};
