/** Every field of one frame. What is typed stays as it was typed while it says no bytes. */

import { useId, useState } from 'react';
import { formatHex, parseHex } from '../../inspector/index.ts';
import { encodeUtf8, opcodeName } from '../../protocol/index.ts';
import { type FrameSpec, fitsForm, type LengthForm, lengthOf, shortestForm } from './frame-spec.ts';

interface FrameFormProps {
  readonly spec: FrameSpec;
  readonly newKey: () => Uint8Array;
  readonly onChange: (spec: FrameSpec) => void;
}

/** Enough for each form of the length, and not too much to be made anew at each key. */
const MAX_PAYLOAD_BYTES = 70_000;
const BITS = ['fin', 'rsv1', 'rsv2', 'rsv3'] as const;
const FORMS: readonly LengthForm[] = [7, 16, 64];

export function FrameForm({ spec, newKey, onChange }: FrameFormProps) {
  const id = useId();
  const change = (part: Partial<FrameSpec>) => onChange({ ...spec, ...part });
  return (
    <form className="frame-form" onSubmit={(event) => event.preventDefault()}>
      <fieldset className="bits">
        <legend className="visually-hidden">Bits of the first byte</legend>
        {BITS.map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={spec[name]}
              onChange={(event) => change({ [name]: event.target.checked })}
            />{' '}
            {name.toUpperCase()}
          </label>
        ))}
      </fieldset>
      <div className="pair">
        <label htmlFor={`${id}-opcode`}>Opcode</label>
        <select
          id={`${id}-opcode`}
          value={spec.opcode}
          onChange={(event) => change({ opcode: Number(event.target.value) })}
        >
          {Array.from({ length: 16 }, (_, opcode) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the index is the opcode
            <option key={opcode} value={opcode}>
              {opcode} {opcodeName(opcode)}
            </option>
          ))}
        </select>
      </div>
      <KeyFields spec={spec} newKey={newKey} onChange={change} />
      <LengthFields spec={spec} onChange={change} />
      <PayloadFields spec={spec} onChange={change} />
    </form>
  );
}

interface PartProps {
  readonly spec: FrameSpec;
  readonly onChange: (part: Partial<FrameSpec>) => void;
}

function KeyFields({ spec: { maskingKey }, newKey, onChange }: PartProps & Pick<FrameFormProps, 'newKey'>) {
  const id = useId();
  const key = useHexField(maskingKey ?? new Uint8Array(0), (bytes) => {
    if (bytes.length !== 4) return 'A masking key has four bytes';
    onChange({ maskingKey: bytes });
    return '';
  });
  return (
    <fieldset className="line">
      <legend className="visually-hidden">Mask</legend>
      <label>
        <input
          type="checkbox"
          checked={maskingKey !== undefined}
          onChange={(event) => onChange({ maskingKey: event.target.checked ? newKey() : undefined })}
        />{' '}
        MASK
      </label>
      {maskingKey !== undefined && (
        <>
          <div className="pair grow">
            <label htmlFor={`${id}-key`}>Masking key, in hex</label>
            <input
              id={`${id}-key`}
              className="mono"
              value={key.text}
              aria-invalid={key.fault !== ''}
              aria-describedby={`${id}-fault`}
              onChange={(event) => key.edit(event.target.value)}
            />
          </div>
          <button type="button" className="small" onClick={() => onChange({ maskingKey: newKey() })}>
            New key
          </button>
        </>
      )}
      <p id={`${id}-fault`} className="fault-text" aria-live="polite">
        {maskingKey !== undefined && key.fault}
      </p>
    </fieldset>
  );
}

function LengthFields({ spec, onChange }: PartProps) {
  const id = useId();
  const { declaredLength } = spec;
  const [typed, setTyped] = useState({ text: '', says: undefined as bigint | undefined });
  const text = typed.says === declaredLength ? typed.text : String(declaredLength ?? '');
  const isNumber = isLength(text);
  const edit = (next: string) => {
    const says = !isLength(next) ? declaredLength : next === '' ? undefined : BigInt(next);
    setTyped({ text: next, says });
    onChange({ declaredLength: says });
  };
  return (
    <fieldset className="line">
      <legend className="visually-hidden">Length</legend>
      <div className="pair grow">
        <label htmlFor={`${id}-form`}>Length form</label>
        <select
          id={`${id}-form`}
          value={spec.lengthForm ?? ''}
          onChange={({ target: { value } }) =>
            onChange({ lengthForm: value === '' ? undefined : (Number(value) as LengthForm) })
          }
        >
          <option value="">shortest: {shortestForm(lengthOf(spec))} bits</option>
          {FORMS.map((form) => (
            <option key={form} value={form}>
              {form} bits
            </option>
          ))}
        </select>
      </div>
      <div className="pair grow">
        <label htmlFor={`${id}-length`}>Length said</label>
        <input
          id={`${id}-length`}
          inputMode="numeric"
          value={text}
          placeholder={`${spec.payload.length}, as it is`}
          aria-invalid={!isNumber}
          aria-describedby={`${id}-fault`}
          onChange={(event) => edit(event.target.value)}
        />
      </div>
      <p id={`${id}-fault`} className="fault-text" aria-live="polite">
        {!isNumber && 'A length is a whole number below 2^64, or nothing'}
        {isNumber &&
          !fitsForm(spec) &&
          `${lengthOf(spec)} has more than ${spec.lengthForm} bits: the lowest are written`}
      </p>
    </fieldset>
  );
}

function isLength(text: string): boolean {
  return /^\d{0,20}$/.test(text) && BigInt(text || 0) < 2n ** 64n;
}

function PayloadFields({ spec: { payload }, onChange }: PartProps) {
  const id = useId();
  const [isChosen, setHex] = useState(false);
  const hex = useHexField(payload, (bytes) => {
    onChange({ payload: bytes });
    return '';
  });
  const text = textOf(payload);
  const isHex = isChosen || text === undefined;
  return (
    <fieldset>
      <legend className="visually-hidden">Payload</legend>
      <div className="choice" role="radiogroup" aria-label="How the payload is written">
        <label>
          <input
            type="radio"
            name={`${id}-kind`}
            checked={!isHex}
            disabled={text === undefined}
            onChange={() => setHex(false)}
          />{' '}
          text
        </label>
        <label>
          <input type="radio" name={`${id}-kind`} checked={isHex} onChange={() => setHex(true)} /> hex
        </label>
      </div>
      <label htmlFor={`${id}-payload`}>Payload {isHex ? 'in hex' : 'as text'}</label>
      <textarea
        id={`${id}-payload`}
        rows={2}
        className={isHex ? 'mono' : undefined}
        spellCheck={false}
        maxLength={isHex ? 3 * MAX_PAYLOAD_BYTES : MAX_PAYLOAD_BYTES}
        value={isHex ? hex.text : (text ?? '')}
        aria-invalid={isHex && hex.fault !== ''}
        aria-describedby={`${id}-fault`}
        onChange={({ target: { value } }) => (isHex ? hex.edit(value) : onChange({ payload: encodeUtf8(value) }))}
      />
      <p id={`${id}-fault`} className="fault-text" aria-live="polite">
        {isHex && hex.fault}
      </p>
    </fieldset>
  );
}

/** Undefined when the bytes are no text. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A text that says bytes: it follows them when they change elsewhere, and is left alone while it is being typed. */
function useHexField(bytes: Uint8Array, take: (bytes: Uint8Array) => string) {
  const written = formatHex(bytes);
  const [typed, setTyped] = useState({ text: written, says: written, fault: '' });
  const text = typed.says === written ? typed.text : written;
  const edit = (next: string) => {
    let says = written;
    let fault = '';
    try {
      const parsed = parseHex(next);
      fault = take(parsed);
      if (fault === '') says = formatHex(parsed);
    } catch (error) {
      fault = (error as Error).message;
    }
    setTyped({ text: next, says, fault });
  };
  return { text, fault: typed.says === written ? typed.fault : '', edit };
}
