/** Where to connect to, and the state of the connection. */

import { type FormEvent, type Ref, useId } from 'react';
import { usePlaceValue } from '../router.ts';
import { completeAddress } from '../worker/address.ts';
import type { LiveState, Phase } from '../worker/messages.ts';
import type { WorkerClient } from '../worker/worker-client.ts';
import { OWN_ADDRESS } from './live.ts';

interface ConnectionPanelProps {
  readonly client: WorkerClient;
  readonly live: LiveState;
  readonly buttonRef: Ref<HTMLButtonElement>;
}

const PHASES: Readonly<Record<Phase, string>> = {
  idle: 'not connected',
  connecting: 'connecting …',
  open: 'open',
  closing: 'closing …',
  closed: 'closed',
};

/** What an empty field stands for. */
const OWN_SERVERS = {
  echo: '; left empty, the echo server that this page came from',
  proxy: '; left empty, the proxy that this page came from',
  none: '',
};

export function ConnectionPanel({ client, live: { phase, desk }, buttonRef }: ConnectionPanelProps) {
  const id = useId();
  const [url, setUrl] = usePlaceValue('url', '');
  const [protocols, setProtocols] = usePlaceValue('protocols', '');
  const ownAddress = (desk?.kind === 'proxy' ? desk.address : undefined) ?? OWN_ADDRESS;
  const mayConnect = desk !== undefined && (phase === 'idle' || phase === 'closed');
  const connect = (event: FormEvent) => {
    event.preventDefault();
    if (!mayConnect) return;
    const names = protocols.split(/[\s,]+/).filter((name) => name !== '');
    client.request({ type: 'connect', url: completeAddress(url.trim() || ownAddress), protocols: names });
  };
  return (
    <section className="panel connection" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>Connection</h2>
      <form onSubmit={connect}>
        <label htmlFor={`${id}-url`}>Server{OWN_SERVERS[desk?.kind ?? 'none']}</label>
        <input
          id={`${id}-url`}
          inputMode="url"
          spellCheck={false}
          placeholder={ownAddress}
          value={url}
          onChange={(event) => setUrl(event.target.value)}
        />
        <div className="line">
          <span className="pair grow">
            <label htmlFor={`${id}-protocols`}>Subprotocols, if any</label>
            <input
              id={`${id}-protocols`}
              spellCheck={false}
              value={protocols}
              onChange={(event) => setProtocols(event.target.value)}
            />
          </span>
          <span className={`status status-${phase}`} role="status">
            {PHASES[phase]}
          </span>
          <button type="submit" className="primary" ref={buttonRef} disabled={!mayConnect}>
            {phase === 'closed' ? 'Connect again' : 'Connect'}
          </button>
        </div>
      </form>
    </section>
  );
}
