/** The opening handshake: its heads as they were sent, what each field does, and how the key became the accept value. */

import { memo } from 'react';
import { deriveAccept, type HeadView } from '../inspector/index.ts';
import { Disclosure } from './disclosure.tsx';
import { SectionLink } from './section-link.tsx';

interface HandshakeViewProps {
  readonly request: HeadView | undefined;
  readonly response: HeadView | undefined;
}

export const HandshakeView = memo(function HandshakeView({ request, response }: HandshakeViewProps) {
  if (request === undefined && response === undefined) return null;
  const sizes = [request && `${request.length} bytes up`, response && `${response.length} bytes down`];
  const isFaulty = (request?.fault ?? response?.fault) !== undefined;
  const summary = (
    <>
      <span className="arrow" role="img" aria-label="both directions">
        ⇅
      </span>
      <span className="kind">handshake</span>
      <span className="what">
        {sizes.filter(Boolean).join(', ')}
        {isFaulty && ', at fault'}
      </span>
      <span className="preview">{response?.startLine ?? request?.startLine}</span>
    </>
  );
  return (
    <Disclosure className={`frame frame-${isFaulty ? 'fault' : 'handshake'}`} summary={summary}>
      {() => <HandshakeBody request={request} response={response} />}
    </Disclosure>
  );
});

function HandshakeBody({ request, response }: HandshakeViewProps) {
  const key = request && fieldValue(request, 'sec-websocket-key');
  return (
    <div className="frame-body">
      {request && <Head head={request} />}
      {response && <Head head={response} />}
      {key !== undefined && (
        <Derivation sentKey={key} received={response && fieldValue(response, 'sec-websocket-accept')} />
      )}
    </div>
  );
}

function fieldValue(head: HeadView, name: string): string | undefined {
  return head.fields.find((field) => field.name.toLowerCase() === name)?.value;
}

function Head({ head }: { head: HeadView }) {
  return (
    <section className="head" aria-label={`HTTP ${head.kind}`}>
      <h4>{head.kind === 'request' ? '↑ Request of the client' : '↓ Response of the server'}</h4>
      <p className="start-line">
        <code>{head.startLine}</code>
      </p>
      <dl>
        {head.fields.map((field) => (
          <div key={field.name} className={field.meaning === undefined ? 'other' : undefined}>
            <dt>
              <code>
                {field.name}: <span>{field.value}</span>
              </code>
            </dt>
            {field.meaning !== undefined && field.section !== undefined && (
              <dd>
                {field.meaning} <SectionLink section={field.section} />
              </dd>
            )}
          </div>
        ))}
      </dl>
      {head.fault && (
        <p className="fault-text">
          {head.fault.message} <SectionLink section={head.fault.section} />
        </p>
      )}
      <details className="raw">
        <summary>{head.length} bytes in hex</summary>
        <code>{head.hex}</code>
      </details>
    </section>
  );
}

function Derivation({ sentKey, received }: { sentKey: string; received: string | undefined }) {
  const { guid, sha1Hex, accept } = deriveAccept(sentKey);
  return (
    <section className="derivation" aria-label="From key to accept value">
      <h4>
        From key to accept value <SectionLink section="§4.2.2" />
      </h4>
      <ol>
        <li>
          The client’s key, <code>{sentKey}</code>
        </li>
        <li>
          followed by the fixed text <code>{guid}</code>
        </li>
        <li>
          through SHA-1 gives 20 bytes, <code>{sha1Hex}</code>
        </li>
        <li>
          which in Base64 are <code className="accept">{accept}</code>
          {received !== undefined &&
            (received === accept ? ' ✓ as the server answered' : ` ✗ the server said ${received}`)}
        </li>
      </ol>
    </section>
  );
}
