/** Connecting, and the state of the connection. */

import type { Ref } from 'react';
import { type Phase, serverAddress } from './session.ts';

interface ConnectionPanelProps {
  readonly phase: Phase;
  readonly onConnect: () => void;
  readonly buttonRef: Ref<HTMLButtonElement>;
}

const PHASES: Readonly<Record<Phase, string>> = {
  idle: 'not connected',
  connecting: 'connecting …',
  open: 'open',
  closing: 'closing …',
  closed: 'closed',
};

export function ConnectionPanel({ phase, onConnect, buttonRef }: ConnectionPanelProps) {
  const mayConnect = phase === 'idle' || phase === 'closed';
  return (
    <section className="panel connection" aria-labelledby="connection-title">
      <h2 id="connection-title">Connection</h2>
      <div className="line">
        <code className="address">{serverAddress()}</code>
        <span className={`status status-${phase}`} role="status">
          {PHASES[phase]}
        </span>
        <button type="button" className="primary" ref={buttonRef} onClick={onConnect} disabled={!mayConnect}>
          {phase === 'closed' ? 'Connect again' : 'Connect'}
        </button>
      </div>
    </section>
  );
}
