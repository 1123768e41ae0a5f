/**
 * Drives a client under test through the cases of a fuzzing server, in the way of the Autobahn test suite. Knows of the
 * client only what the WebSocket classes of Node programs have in common.
 */

/** An event emitter like the WebSocket of ws. */
export interface ClientSocket {
  on(event: 'message', listener: (data: Uint8Array, isBinary: boolean) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  send(data: Uint8Array, options: { binary: boolean }): void;
}

export type MakeClient = (url: string) => ClientSocket;

export interface DriveOptions {
  readonly agent: string;
  /** Cases at a time. Default 1. */
  readonly lanes?: number;
}

/** Asks for the number of cases, runs them all, echoing what comes, and asks for the report. */
export async function driveClient(makeClient: MakeClient, serverUrl: string, options: DriveOptions): Promise<void> {
  const agent = encodeURIComponent(options.agent);
  const count = Number(await ask(makeClient, `${serverUrl}/getCaseCount`));
  let next = 1;
  const lane = async (): Promise<void> => {
    while (next <= count) await echo(makeClient, `${serverUrl}/runCase?case=${next++}&agent=${agent}`);
  };
  await Promise.all(Array.from({ length: options.lanes ?? 1 }, lane));
  await ask(makeClient, `${serverUrl}/updateReports?agent=${agent}`);
}

/** Connects and waits for the end; resolves to the last message, or rejects with the error if there was one. */
export function ask(makeClient: MakeClient, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = makeClient(url);
    let message = '';
    socket.on('message', (data) => {
      message = Buffer.from(data).toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(message));
  });
}

/** Connects, echoes, and waits for the end, which most cases mean to be an error. */
function echo(makeClient: MakeClient, url: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = makeClient(url);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => {});
    socket.on('close', resolve);
  });
}
