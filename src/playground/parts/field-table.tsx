/**
 * The fields of a frame in words: where each lies, what stands there, what that says, and which section has the rule. A
 * name is a button so that the keyboard reaches it: where the focus is, there the field's bytes are lit (field-group.tsx).
 */

import type { FieldView } from '../../inspector/index.ts';
import { SectionLink } from './section-link.tsx';

/** Longer wire content is left to the dump of the payload. */
const MAX_WIRE_CHARACTERS = 23;

export function FieldTable({ fields }: { fields: readonly FieldView[] }) {
  return (
    <table className="fields">
      <thead>
        <tr>
          <th scope="col">field</th>
          <th scope="col">bits</th>
          <th scope="col">on the wire</th>
          <th scope="col">says</th>
          <th scope="col">RFC 6455</th>
        </tr>
      </thead>
      <tbody>
        {fields.map((field) => (
          <tr key={field.id} className={field.isFault ? 'fault' : undefined} data-field={field.id}>
            <th scope="row">
              <button type="button" className="field-name" data-field={field.id}>
                {field.name}
              </button>
            </th>
            <td className="bits" data-unit={field.bitLength === 1 ? 'bit' : 'bits'}>
              {field.bitLength === 1 ? field.firstBit : `${field.firstBit}–${field.firstBit + field.bitLength - 1}`}
            </td>
            <td>
              <code>{clip(field.wire)}</code>
            </td>
            <td>{saysOf(field)}</td>
            <td>
              <SectionLink section={field.section} isShort />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function saysOf({ id, value, meaning }: FieldView): string {
  const showsValue = ['extendedPayloadLength', 'statusCode', 'closeReason', 'payload'].includes(id);
  return showsValue ? `${clip(value, 80)} (${meaning})` : meaning;
}

function clip(text: string, length = MAX_WIRE_CHARACTERS): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
