/** Runs single cases with programs against the testee with switches, each with a server, or a client, of its own. */

import { type AddressInfo, connect, createServer } from 'node:net';
import type { CaseResult } from '../../../src/conformance/index.ts';
import { readHead, valuesOf } from '../../../src/conformance/programs/heads.ts';
import { Peer } from '../../../src/conformance/programs/peer.ts';
import type { ProgramCase } from '../../../src/conformance/programs/program.ts';
import { runProgram } from '../../../src/conformance/programs/program-run.ts';
import { runSwitchedClient, startSwitchedServer } from './switched-echo.ts';
import { FAULT_OF, type SwitchedFault } from './switched-faults.ts';

export interface RunOptions {
  readonly fault?: SwitchedFault | undefined;
  /** Default: that of every run. */
  readonly patienceMs?: number;
}

export async function runAgainstSwitchedServer(
  testCase: ProgramCase,
  { fault, patienceMs }: RunOptions = {},
): Promise<CaseResult> {
  const server = await startSwitchedServer(fault);
  const { port } = server;
  const patience = patienceMs === undefined ? {} : { patienceMs };
  const connectPeer = (): Promise<Peer> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Peer({ role: 'client', socket, host: `127.0.0.1:${port}`, connect: connectPeer, ...patience }));
      });
    });
  const result = await runProgram(testCase, testCase.server!, await connectPeer());
  await server.close();
  return result;
}

export async function runAgainstSwitchedClient(
  testCase: ProgramCase,
  { fault, patienceMs }: RunOptions = {},
): Promise<CaseResult> {
  const earlierKeys = new Set<string>();
  const server = createServer({ noDelay: true, allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/run?case=${testCase.id}`;
  const accepted = async (): Promise<Peer> => {
    const peer = new Promise<Peer>((resolve) => {
      server.once('connection', (socket) => {
        let bytes = Buffer.alloc(0);
        socket.on('data', function take(chunk: Buffer) {
          bytes = Buffer.concat([bytes, chunk]);
          const request = readHead(bytes);
          if (request === undefined) return;
          socket.off('data', take).pause();
          const rest = bytes.subarray(request.lengthBytes);
          resolve(
            new Peer({
              role: 'server',
              socket,
              request,
              rest,
              port,
              earlierKeys: new Set(earlierKeys),
              ...(patienceMs !== undefined && { patienceMs }),
            }),
          );
          for (const key of valuesOf(request, 'sec-websocket-key')) earlierKeys.add(key);
        });
      });
    });
    void runSwitchedClient(url, fault);
    return peer;
  };
  // A connection before the one that counts: it has a key, too.
  if (testCase.id === 'H.7.7') (await accepted()).destroy();
  const result = await runProgram(testCase, testCase.client!, await accepted());
  await new Promise((resolve) => server.close(resolve));
  return result;
}

export function faultOf(id: string): SwitchedFault | undefined {
  return (FAULT_OF as Readonly<Record<string, SwitchedFault>>)[id];
}
