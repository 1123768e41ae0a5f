/** Where one writes: Enter sends, Shift and Enter begin another line. */

import { type FormEvent, type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { SendIcon } from './pictures.tsx';

/** As the protocol has it. */
const MAX_LENGTH = 2000;
/** Drafts outlive a look into another room. */
const drafts = new Map<string, string>();

interface ComposerProps {
  readonly room: string;
  readonly onType: () => void;
  readonly onSay: (text: string) => void;
}

export function Composer({ room, onType, onSay }: ComposerProps) {
  const [text, setText] = useState(drafts.get(room) ?? '');
  const field = useRef<HTMLTextAreaElement>(null);
  const length = text.trim().length;
  const isTooLong = length > MAX_LENGTH;
  useEffect(() => void drafts.set(room, text), [room, text]);
  useEffect(() => {
    // On a phone, a keyboard would cover what is to be read first.
    if (matchMedia('(pointer: fine)').matches) field.current?.focus();
  }, []);
  // As high as its text.
  // biome-ignore lint/correctness/useExhaustiveDependencies: of the text there is only its height to be seen
  useLayoutEffect(() => {
    const box = field.current!;
    box.style.height = 'auto';
    box.style.height = `${box.scrollHeight + 2}px`;
  }, [text]);

  function submit(event?: FormEvent) {
    event?.preventDefault();
    field.current?.focus();
    if (length === 0 || isTooLong) return;
    onSay(text.trim());
    setText('');
  }
  function press(event: KeyboardEvent) {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  }

  return (
    <form className="composer" onSubmit={submit}>
      {length > MAX_LENGTH * 0.9 && (
        <p role="status" className={isTooLong ? 'fault' : ''}>
          {isTooLong
            ? `Too long: ${length} characters, and ${MAX_LENGTH} are the most`
            : `${length} of ${MAX_LENGTH} characters`}
        </p>
      )}
      <div>
        <textarea
          ref={field}
          rows={1}
          value={text}
          placeholder={`Write to ${room}`}
          aria-label={`Write to ${room}`}
          aria-invalid={isTooLong}
          enterKeyHint="send"
          onChange={({ target }) => {
            setText(target.value);
            if (target.value !== '') onType();
          }}
          onKeyDown={press}
        />
        <button type="submit" className="primary" aria-label="Send" disabled={length === 0 || isTooLong}>
          <SendIcon />
        </button>
      </div>
    </form>
  );
}
