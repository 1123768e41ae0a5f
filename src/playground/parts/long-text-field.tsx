/**
 * A text field that takes texts of any length, and files. Browsers are slow with long texts in fields: so what is long is
 * held beside the page, and the field shows its beginning.
 */

import { type DragEvent, type KeyboardEvent, type Ref, type SyntheticEvent, useEffect, useRef } from 'react';

interface LongTextFieldProps {
  readonly id: string;
  readonly value: string | File;
  readonly rows: number;
  readonly isMono?: boolean;
  readonly describedBy?: string;
  readonly isInvalid?: boolean;
  readonly fieldRef?: Ref<HTMLTextAreaElement>;
  readonly onChange: (value: string | File) => void;
  readonly onKeyDown?: (event: KeyboardEvent<HTMLTextAreaElement>) => void;
}

/** Longer texts are held. */
const MAX_FIELD_CHARACTERS = 32_768;
const SHOWN_CHARACTERS = 300;

export function isLong(value: string | File): boolean {
  return typeof value !== 'string' || value.length > MAX_FIELD_CHARACTERS;
}

export function LongTextField(props: LongTextFieldProps) {
  const { id, value, rows, isMono = false, describedBy, isInvalid = false, fieldRef, onChange, onKeyDown } = props;
  const drop = (event: DragEvent) => {
    const file = event.dataTransfer.files[0];
    if (file === undefined) return;
    event.preventDefault();
    onChange(file);
  };
  /** Keeps a long text out of the field; it comes where it would have come. */
  const take = (event: SyntheticEvent<HTMLTextAreaElement>, text: string) => {
    if (text.length <= MAX_FIELD_CHARACTERS) return;
    event.preventDefault();
    const { value: before, selectionStart, selectionEnd } = event.currentTarget;
    onChange(before.slice(0, selectionStart) + text + before.slice(selectionEnd));
  };
  if (isLong(value)) return <Held {...props} onDrop={drop} />;
  return (
    <textarea
      id={id}
      className={isMono ? 'mono' : undefined}
      rows={rows}
      spellCheck={false}
      value={value as string}
      ref={fieldRef}
      aria-describedby={describedBy}
      aria-invalid={isInvalid}
      onChange={(event) => onChange(event.target.value)}
      onPaste={(event) => take(event, event.clipboardData.getData('text'))}
      onBeforeInput={(event) => take(event, (event.nativeEvent as InputEvent).data ?? '')}
      onDragOver={(event) => event.preventDefault()}
      onDrop={drop}
      onKeyDown={onKeyDown}
    />
  );
}

function Held({ value, onChange, onDrop }: LongTextFieldProps & { readonly onDrop: (event: DragEvent) => void }) {
  const remove = useRef<HTMLButtonElement>(null);
  // The field that had the focus is gone.
  useEffect(() => remove.current?.focus(), []);
  const isText = typeof value === 'string';
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: files may be dropped on it; the button beside it takes them from the keyboard
    <div className="held" onDragOver={(event) => event.preventDefault()} onDrop={onDrop}>
      <p>
        {isText
          ? `A text of ${value.length.toLocaleString('en')} characters`
          : `${value.name}, ${value.size.toLocaleString('en')} bytes`}
      </p>
      {isText && <code>{value.slice(0, SHOWN_CHARACTERS)} …</code>}
      <button type="button" className="small" ref={remove} onClick={() => onChange('')}>
        Remove
      </button>
    </div>
  );
}
