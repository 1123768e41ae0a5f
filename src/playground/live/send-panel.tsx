/** Sending: what a browser can send itself, and what only the server can. */

import { type ChangeEvent, type FormEvent, type KeyboardEvent, type Ref, useState } from 'react';
import { parseHex } from '../../inspector/index.ts';
import { FileButton } from '../parts/file-button.tsx';
import { LongTextField } from '../parts/long-text-field.tsx';
import type { WorkerClient } from '../worker/worker-client.ts';
import { closeFault } from './live.ts';

interface SendPanelProps {
  readonly client: WorkerClient;
  readonly isOpen: boolean;
  /** Whether the server does what a page asks of it. */
  readonly canAsk: boolean;
  readonly messageRef: Ref<HTMLTextAreaElement>;
}

export function SendPanel({ client, isOpen, canAsk, messageRef }: SendPanelProps) {
  return (
    <section className="panel send" aria-labelledby="send-title">
      <h2 id="send-title">Send</h2>
      <fieldset disabled={!isOpen}>
        <legend className="visually-hidden">What to send; needs an open connection</legend>
        <MessageForm client={client} fieldRef={messageRef} />
        {(canAsk || !isOpen) && <PingForm client={client} />}
        <CloseForm client={client} canAsk={canAsk || !isOpen} />
      </fieldset>
    </section>
  );
}

interface MessageFormProps {
  readonly client: WorkerClient;
  readonly fieldRef: Ref<HTMLTextAreaElement>;
}

function MessageForm({ client, fieldRef }: MessageFormProps) {
  const [isBinary, setBinary] = useState(false);
  const [text, setText] = useState<string | File>('Hello');
  const [hex, setHex] = useState<string | File>('00 ff 10 20');
  const [fault, setFault] = useState('');
  const content = isBinary ? hex : text;
  const send = (event: FormEvent) => {
    event.preventDefault();
    try {
      const isHex = isBinary && typeof content === 'string';
      const given = isHex ? parseHex(content) : content;
      client.request({ type: 'send', content: given, isText: !isBinary });
      setFault('');
    } catch (error) {
      setFault((error as Error).message);
    }
  };
  const choose = (binary: boolean) => {
    setBinary(binary);
    setFault('');
  };
  const edit = (value: string | File) => {
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
        <FileButton label="A file to send" onFile={edit}>
          File …
        </FileButton>
      </div>
      <label htmlFor="message">{isBinary ? 'Bytes in hex' : 'Text'}</label>
      <div className="line">
        <LongTextField
          id="message"
          rows={2}
          isMono={isBinary}
          value={content}
          fieldRef={fieldRef}
          describedBy="message-hint message-fault"
          isInvalid={fault !== ''}
          onChange={edit}
          onKeyDown={submitOnEnter}
        />
        <button type="submit" className="primary">
          Send {isBinary ? 'binary' : 'text'}
        </button>
      </div>
      <p id="message-hint" className="hint">
        Enter sends, Shift+Enter begins a new line. Files can be dropped on the field.
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

function PingForm({ client }: { client: WorkerClient }) {
  const [payload, setPayload] = useState('are you there?');
  const ping = (event: FormEvent) => {
    event.preventDefault();
    const title = 'You asked the server for a ping; the browser answers it unseen';
    client.request({ type: 'ask', request: { type: 'ping', payload }, title });
  };
  const fragment = () => {
    const title = 'You asked the server for a fragmented message';
    client.request({ type: 'ask', request: { type: 'fragments', parts: ['Hel', 'lo, ', 'fragments'] }, title });
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

interface CloseFormProps {
  readonly client: WorkerClient;
  readonly canAsk: boolean;
}

function CloseForm({ client, canAsk }: CloseFormProps) {
  const [code, setCode] = useState('1000');
  const [reason, setReason] = useState('done');
  const [fault, setFault] = useState('');
  const number = code.trim() === '' ? undefined : Number(code);
  /** Whether the form says something that can be asked for. */
  const isSound = (): boolean => {
    let complaint = '';
    if (number === undefined && reason !== '') complaint = NO_CODE;
    else if (!/^\s*\d*\s*$/.test(code)) complaint = 'A close code is a whole number, such as 1000.';
    setFault(complaint);
    return complaint === '';
  };
  const close = (event: FormEvent) => {
    event.preventDefault();
    if (!isSound()) return;
    const complaint = closeFault(number, reason);
    setFault(complaint);
    if (complaint === '') client.request({ type: 'close', code: number, reason });
  };
  const askToClose = () => {
    if (!isSound()) return;
    const title = `You asked the server to close${number === undefined ? '' : ` with ${number}`}`;
    const request = number === undefined ? {} : { code: number, reason };
    client.request({ type: 'ask', request: { type: 'close', ...request }, title });
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
        {canAsk && (
          <button type="button" onClick={askToClose}>
            Have the server close
          </button>
        )}
      </div>
      <p id="close-fault" className="fault-text" aria-live="polite">
        {fault}
      </p>
    </form>
  );
}
