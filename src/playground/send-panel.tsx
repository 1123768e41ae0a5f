/** Sending: what a browser can send itself, and what only the server can. */

import { type ChangeEvent, type FormEvent, type KeyboardEvent, type Ref, useState } from 'react';
import { parseHex } from '../inspector/index.ts';
import type { Session } from './session.ts';

interface SendPanelProps {
  readonly session: Session;
  readonly isOpen: boolean;
  readonly messageRef: Ref<HTMLTextAreaElement>;
}

export function SendPanel({ session, isOpen, messageRef }: SendPanelProps) {
  return (
    <section className="panel send" aria-labelledby="send-title">
      <h2 id="send-title">Send</h2>
      <fieldset disabled={!isOpen}>
        <legend className="visually-hidden">What to send; needs an open connection</legend>
        <MessageForm session={session} fieldRef={messageRef} />
        <PingForm session={session} />
        <CloseForm session={session} />
      </fieldset>
    </section>
  );
}

interface MessageFormProps {
  readonly session: Session;
  readonly fieldRef: Ref<HTMLTextAreaElement>;
}

function MessageForm({ session, fieldRef }: MessageFormProps) {
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
  const choose = (binary: boolean) => {
    setBinary(binary);
    setFault('');
  };
  const edit = (value: string) => {
    (isBinary ? setHex : setText)(value);
    setFault('');
  };
  return (
    <form onSubmit={send}>
      <div className="choice" role="radiogroup" aria-label="Type of message">
        <label>
          <input type="radio" name="type" checked={!isBinary} onChange={() => choose(false)} /> text
        </label>
        <label>
          <input type="radio" name="type" checked={isBinary} onChange={() => choose(true)} /> binary
        </label>
      </div>
      <label htmlFor="message">{isBinary ? 'Bytes in hex' : 'Text'}</label>
      <div className="line">
        <textarea
          id="message"
          rows={2}
          className={isBinary ? 'mono' : undefined}
          value={isBinary ? hex : text}
          ref={fieldRef}
          aria-describedby="message-hint message-fault"
          aria-invalid={fault !== ''}
          onChange={(event) => edit(event.target.value)}
          onKeyDown={submitOnEnter}
        />
        <button type="submit" className="primary">
          Send {isBinary ? 'binary' : 'text'}
        </button>
      </div>
      <p id="message-hint" className="hint">
        Enter sends, Shift+Enter begins a new line.
      </p>
      <p id="message-fault" className="fault-text" aria-live="polite">
        {fault}
      </p>
    </form>
  );
}

/** Enter, with Ctrl or Cmd or without; not the Enter that ends the choice of a character. */
function submitOnEnter(event: KeyboardEvent<HTMLTextAreaElement>): void {
  if (event.key !== 'Enter' || event.shiftKey || event.altKey || event.nativeEvent.isComposing) return;
  event.preventDefault();
  event.currentTarget.form?.requestSubmit();
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

const NO_CODE = 'A reason needs a code in front of it (§5.5.1): give both, or leave both empty.';
const NOT_FOR_PAGES = 'A page may close with 1000 or 3000 to 4999 and a reason of at most 123 bytes, or with neither.';

function CloseForm({ session }: { session: Session }) {
  const [code, setCode] = useState('1000');
  const [reason, setReason] = useState('done');
  const [fault, setFault] = useState('');
  const hasCode = code.trim() !== '';
  const attempt = (action: () => void) => {
    if (!hasCode && reason !== '') {
      setFault(NO_CODE);
      return;
    }
    if (hasCode && !/^\s*\d+\s*$/.test(code)) {
      setFault('A close code is a whole number, such as 1000.');
      return;
    }
    try {
      action();
      setFault('');
    } catch {
      setFault(NOT_FOR_PAGES);
    }
  };
  const close = (event: FormEvent) => {
    event.preventDefault();
    attempt(() => session.close(hasCode ? Number(code) : undefined, reason));
  };
  const askToClose = () => {
    const request = hasCode ? { code: Number(code), reason } : {};
    const title = hasCode ? `You asked the server to close with ${Number(code)}` : 'You asked the server to close';
    attempt(() => session.ask({ type: 'close', ...request }, title));
  };
  const edit = (set: (value: string) => void) => (event: ChangeEvent<HTMLInputElement>) => {
    set(event.target.value);
    setFault('');
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
            aria-describedby="close-fault"
            aria-invalid={fault !== ''}
            onChange={edit(setCode)}
          />
        </span>
        <span className="pair grow">
          <label htmlFor="reason">Reason</label>
          <input
            id="reason"
            value={reason}
            aria-describedby="close-fault"
            aria-invalid={fault !== ''}
            onChange={edit(setReason)}
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
