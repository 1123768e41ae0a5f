/** How long a peer may take over what is the last that it gets. */

/** In milliseconds. */
const LINGER_MS = 2000;

interface Closable {
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

/** Destroys what has not closed by itself after 2 s. @returns ends the wait */
export function destroyUnlessClosed(stream: Closable): () => void {
  const timer = setTimeout(() => stream.destroy(), LINGER_MS);
  timer.unref();
  const stop = () => {
    clearTimeout(timer);
    stream.off('close', stop);
  };
  stream.once('close', stop);
  return stop;
}
