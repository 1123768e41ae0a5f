/** Sending: what a browser can send itself, and what only the server can. */

import { type FormEvent, useState } from 'react';
import { parseHex } from '../inspector/index.ts';
import type { Session } from './session.ts';

interface SendPanelProps {
  readonly session: Session;
  readonly isOpen: boolean;
}

export function SendPanel({ session, isOpen }: SendPanelProps) {
  return (
    <section className="panel send" aria-labelledby="send-title">
      <h2 id="send-title">Send</h2>
      <fieldset disabled={!isOpen}>
        <legend className="visually-hidden">What to send; needs an open connection</legend>
        <MessageForm session={session} />
        <PingForm session={session} />
        <CloseForm session={session} />
      </fieldset>
    </section>
  );
}

function MessageForm({ session }: { session: Session }) {
  const [isBinary, setBinary] = useState(false);
  const [text, setText] = useState('Hello');
  const [hex, setHex] = useState('00 ff 10 20');
  const [fault, setFault] = useState('');
  const send = (event: FormEvent) => {
    event.preventDefault();
    try {
      if (isBinary) session.sendBinary(new Uint8Array(parseHex(hex)));
      else session.sendText(text);
      setFault('');
    } catch (error) {
      setFault((error as Error).message);
    }
  };
  return (
    <form onSubmit={send}>
      <div className="choice" role="radiogroup" aria-label="Type of message">
        <label>
          <input type="radio" name="type" checked={!isBinary} onChange={() => setBinary(false)} /> text
        </label>
        <label>
          <input type="radio" name="type" checked={isBinary} onChange={() => setBinary(true)} /> binary
        </label>
      </div>
      <label htmlFor="message">{isBinary ? 'Bytes in hex' : 'Text'}</label>
      <div className="line">
        <textarea
          id="message"
          rows={2}
          className={isBinary ? 'mono' : undefined}
          value={isBinary ? hex : text}
          aria-describedby="message-fault"
          aria-invalid={fault !== ''}
          onChange={(event) => (isBinary ? setHex : setText)(event.target.value)}
        />
        <button type="submit" className="primary">
          Send {isBinary ? 'binary' : 'text'}
        </button>
      </div>
      <p id="message-fault" className="fault-text" aria-live="polite">
        {fault}
      </p>
    </form>
  );
}

function PingForm({ session }: { session: Session }) {
  const [payload, setPayload] = useState('are you there?');
  const ping = (event: FormEvent) => {
    event.preventDefault();
    session.ask({ type: 'ping', payload }, 'You asked the server for a ping; the browser answers it unseen');
  };
  const fragment = () => {
    session.ask(
      { type: 'fragments', parts: ['Hel', 'lo, ', 'fragments'] },
      'You asked the server for a fragmented message',
    );
  };
  return (
    <form onSubmit={ping}>
      <label htmlFor="ping">Ask the server for what a page cannot send</label>
      <div className="line">
        <input id="ping" value={payload} maxLength={31} onChange={(event) => setPayload(event.target.value)} />
        <button type="submit">Ping me</button>
        <button type="button" onClick={fragment}>
          Send me fragments
        </button>
      </div>
    </form>
  );
}

function CloseForm({ session }: { session: Session }) {
  const [code, setCode] = useState('1000');
  const [reason, setReason] = useState('done');
  const [fault, setFault] = useState('');
  const close = (event: FormEvent) => {
    event.preventDefault();
    try {
      session.close(code.trim() === '' ? undefined : Number(code), reason);
      setFault('');
    } catch {
      setFault('A page may close with 1000 or 3000 to 4999 and a reason of at most 123 bytes, or with neither.');
    }
  };
  const askToClose = () => {
    session.ask({ type: 'close', code: Number(code), reason }, `You asked the server to close with ${code}`);
  };
  return (
    <form onSubmit={close}>
      <div className="line">
        <span className="pair">
          <label htmlFor="code">Close code</label>
          <input
            id="code"
            inputMode="numeric"
            size={5}
            value={code}
            onChange={(event) => setCode(event.target.value)}
          />
        </span>
        <span className="pair grow">
          <label htmlFor="reason">Reason</label>
          <input
            id="reason"
            value={reason}
            aria-describedby="close-fault"
            aria-invalid={fault !== ''}
            onChange={(event) => setReason(event.target.value)}
          />
        </span>
        <button type="submit">Close</button>
        <button type="button" onClick={askToClose}>
          Have the server close
        </button>
      </div>
      <p id="close-fault" className="fault-text" aria-live="polite">
        {fault}
      </p>
    </form>
  );
}
