/** A head of the opening handshake: as it was sent, what each field does, and how the key becomes the accept value. */

import { deriveAccept, type HeadView } from '../../inspector/index.ts';
import { Disclosure } from './disclosure.tsx';
import { SectionLink } from './section-link.tsx';

interface HandshakeDetailProps {
  readonly head: HeadView;
  /** The key that the client sent, when it is known. */
  readonly sentKey?: string | undefined;
}

export function HandshakeDetail({ head, sentKey = fieldValue(head, 'sec-websocket-key') }: HandshakeDetailProps) {
  return (
    <div className="handshake">
      <section className="head" aria-label={`HTTP ${head.kind}`}>
        <h3>{head.kind === 'request' ? '↑ Request of the client' : '↓ Response of the server'}</h3>
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
        <Disclosure className="raw" summary={`${head.length} bytes in hex`}>
          {() => <code>{head.hex}</code>}
        </Disclosure>
      </section>
      {sentKey !== undefined && <Derivation sentKey={sentKey} received={acceptIn(head)} />}
    </div>
  );
}

function acceptIn(head: HeadView): string | undefined {
  return head.kind === 'response' ? fieldValue(head, 'sec-websocket-accept') : undefined;
}

function fieldValue(head: HeadView, name: string): string | undefined {
  return head.fields.find((field) => field.name.toLowerCase() === name)?.value;
}

function Derivation({ sentKey, received }: { sentKey: string; received: string | undefined }) {
  const { guid, sha1Hex, accept } = deriveAccept(sentKey);
  return (
    <section className="derivation" aria-label="From key to accept value">
      <h3>
        From key to accept value <SectionLink section="§4.2.2" />
      </h3>
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
