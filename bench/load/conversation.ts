/**
 * Connections that are there for a few words, on Node.js's own binding to libuv: with net.Socket, the load would have as
 * much to do for each as the server.
 */

import type { Target } from './contract.ts';

interface TcpHandle {
  onread: () => void;
  connect(request: ConnectRequest, address: string, port: number): number;
  writeBuffer(request: object, bytes: Uint8Array): number;
  useUserBuffer(buffer: Uint8Array): void;
  setNoDelay(on: boolean): void;
  readStart(): number;
  close(): void;
}
interface ConnectRequest {
  oncomplete: (status: number) => void;
}
interface TcpBinding {
  readonly TCP: new (type: number) => TcpHandle;
  readonly TCPConnectWrap: new () => ConnectRequest;
  readonly constants: { readonly SOCKET: number };
}
interface StreamBinding {
  readonly WriteWrap: new () => object;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
}

const { binding } = process as unknown as { binding(name: string): unknown };
const { TCP, TCPConnectWrap, constants } = binding.call(process, 'tcp_wrap') as TcpBinding;
const { WriteWrap, streamBaseState, kReadBytesOrError } = binding.call(process, 'stream_wrap') as StreamBinding;
const { UV_EOF } = binding.call(process, 'uv') as { readonly UV_EOF: number };

const READ_BYTES = 4096;
const shared = Buffer.allocUnsafeSlow(READ_BYTES);
/** What is written is short: the kernel takes it at once, and the request is free again. */
const writing = new WriteWrap();

/** What is said, and whether what has been heard since is the whole answer. */
export interface Step {
  readonly request: Uint8Array;
  isAnswered(heard: string): boolean;
}

/**
 * One connection, step by step. Where the server has to end it, its side waits for stray segments, and our port is free
 * again at once.
 * @param endsFirst who ends it when everything has been answered
 * @param done why it failed; undefined when the server has answered everything, and ended it if it had to
 */
export function converse(
  { port }: Target,
  steps: readonly Step[],
  endsFirst: 'server' | 'client',
  done: (failure?: string) => void,
): void {
  const handle = new TCP(constants.SOCKET);
  let at = 0;
  let heard = '';

  function finish(failure?: string): void {
    handle.close();
    done(failure);
  }

  function say(): void {
    heard = '';
    const error = handle.writeBuffer(writing, steps[at]!.request);
    if (error !== 0) finish(`a write failed: ${error}`);
  }

  // biome-ignore lint/correctness/useHookAtTopLevel: it is none of those
  handle.useUserBuffer(shared);
  handle.onread = () => {
    const count = streamBaseState[kReadBytesOrError]!;
    if (count < 0) {
      const isDone = count === UV_EOF && at === steps.length && heard === '';
      finish(isDone ? undefined : `ended (${count}) when it had answered: ${heard}`);
      return;
    }
    heard += shared.toString('latin1', 0, count);
    if (steps[at]?.isAnswered(heard) !== true) return;
    at++;
    if (at < steps.length) say();
    else if (endsFirst === 'client') finish();
    else heard = '';
  };
  const request = new TCPConnectWrap();
  request.oncomplete = (status) => {
    if (status !== 0) return finish(`not connected: ${status}`);
    handle.setNoDelay(true);
    handle.readStart();
    say();
  };
  const error = handle.connect(request, '127.0.0.1', port);
  if (error !== 0) finish(`not connected: ${error}`);
}
