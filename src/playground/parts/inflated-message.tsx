/** What a compressed message says (RFC 7692 §7.2.2), at the frame that ends it. */

import { type MessageView, plural } from '../../inspector/index.ts';

export function InflatedMessage({ message }: { readonly message: MessageView }) {
  const { inflated, length, fault } = message;
  if (fault !== undefined) return <p className="note">The message is not shown: {fault}.</p>;
  if (inflated === undefined) return null;
  const { text, hex } = inflated;
  const shown = text ?? hex;
  const isCut = text === undefined ? hex.length < 3 * inflated.length - 1 : message.text === undefined;
  return (
    <section className="payload" aria-label="Inflated message">
      <h3>
        Inflated: {plural(length, 'byte')} → {plural(inflated.length, 'byte')}, ratio {inflated.ratio}
      </h3>
      <p className="mono">{isCut ? `${shown} …` : shown}</p>
    </section>
  );
}
