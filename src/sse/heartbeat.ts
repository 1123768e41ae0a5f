/** Beats of many streams by one timer for each interval that is in use. */

interface Pulse {
  readonly timer: NodeJS.Timeout;
  readonly beats: Set<() => void>;
}

const pulses = new Map<number, Pulse>();

/** Calls `beat` every `intervalMs`, together with all others of that interval. @returns what ends it */
export function every(intervalMs: number, beat: () => void): () => void {
  let pulse = pulses.get(intervalMs);
  if (pulse === undefined) {
    const beats = new Set<() => void>();
    const timer = setInterval(() => {
      for (const one of beats) one();
    }, intervalMs);
    // It is for connections, and these keep the process up themselves.
    timer.unref();
    pulse = { timer, beats };
    pulses.set(intervalMs, pulse);
  }
  const { timer, beats } = pulse;
  beats.add(beat);
  return () => {
    if (!beats.delete(beat) || beats.size > 0) return;
    clearInterval(timer);
    pulses.delete(intervalMs);
  };
}
