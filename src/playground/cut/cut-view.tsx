/** The same bytes cut in two, read byte by byte, and, where they are compressed, symbol by symbol. */

import { useDeferredValue, useMemo } from 'react';
import { parseHex, plural } from '../../inspector/index.ts';
import type { Role } from '../../protocol/index.ts';
import { Chip, Chips } from '../lab/chips.tsx';
import type { ReceiverOptions } from '../lab/receiver.ts';
import { usePlaceValue } from '../router.ts';
import { CompressedPanel } from './compressed-panel.tsx';
import { CutPanel } from './cut-panel.tsx';
import { StepPanel } from './step-panel.tsx';
import '../lab/lab.css';

interface Example {
  readonly name: string;
  readonly hex: string;
  readonly role: Role;
  readonly hasDeflate?: boolean;
}

const EXAMPLES: readonly Example[] = [
  { name: 'fragments around a ping', hex: '01 03 48 65 6c 89 02 68 69 80 02 6c 6f', role: 'client' },
  { name: 'a masked text', hex: '81 85 37 fa 21 3d 7f 9f 4d 51 58', role: 'server' },
  { name: '“€” cut in two frames', hex: '01 02 e2 82 80 01 ac', role: 'client' },
  { name: 'text that goes wrong', hex: '01 03 48 69 20 80 03 e2 28 a1', role: 'client' },
  { name: '126 bytes: a longer header', hex: `82 7e 00 7e ${'00 '.repeat(126)}`.trim(), role: 'client' },
  {
    name: '“Hello” twice, compressed',
    hex: 'c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00',
    role: 'client',
    hasDeflate: true,
  },
  { name: 'close with a reason', hex: '88 05 03 e8 62 79 65', role: 'client' },
];
/** More is not read anew at each cut. */
const MAX_BYTES = 512;

export default function CutView() {
  const [hex, setHex] = usePlaceValue('bytes', EXAMPLES[0]!.hex);
  const [reader, setReader] = usePlaceValue('role', 'client');
  const [deflate, setDeflate] = usePlaceValue('deflate', '');
  const role: Role = reader === 'server' ? 'server' : 'client';
  const given = useDeferredValue(hex);
  const { bytes, fault } = useMemo(() => read(given), [given]);
  const hasDeflate = deflate !== '';
  const takesOver = deflate !== 'alone';
  const options = useMemo<ReceiverOptions>(() => ({ role, hasDeflate, takesOver }), [role, hasDeflate, takesOver]);
  const show = (example: Example) => {
    setHex(example.hex);
    setReader(example.role);
    setDeflate(example.hasDeflate ? 'on' : '');
  };
  return (
    <div className="lab">
      <section className="panel" aria-labelledby="bytes-title">
        <h2 id="bytes-title">Bytes of one direction</h2>
        <div className="cut-input">
          <div>
            <label htmlFor="cut-bytes">Frames, in hex</label>
            <textarea
              id="cut-bytes"
              className="mono"
              rows={3}
              spellCheck={false}
              value={hex}
              aria-invalid={fault !== ''}
              aria-describedby="cut-fault"
              onChange={(event) => setHex(event.target.value)}
            />
            <p id="cut-fault" className="fault-text" aria-live="polite">
              {fault}
            </p>
          </div>
          <div>
            <div className="choice" role="radiogroup" aria-label="Who reads">
              {(['client', 'server'] as const).map((who) => (
                <label key={who}>
                  <input type="radio" name="role" checked={role === who} onChange={() => setReader(who)} /> a {who}{' '}
                  reads
                </label>
              ))}
            </div>
            <div className="choice">
              <label>
                <input
                  type="checkbox"
                  checked={hasDeflate}
                  onChange={(event) => setDeflate(event.target.checked ? 'on' : '')}
                />{' '}
                permessage-deflate
              </label>
              {hasDeflate && (
                <label>
                  <input
                    type="checkbox"
                    checked={takesOver}
                    onChange={(event) => setDeflate(event.target.checked ? 'on' : 'alone')}
                  />{' '}
                  context take-over
                </label>
              )}
            </div>
            <Chips label="Examples">
              {EXAMPLES.map((example) => (
                <Chip key={example.name} onChoose={() => show(example)}>
                  {example.name}
                </Chip>
              ))}
            </Chips>
          </div>
        </div>
      </section>
      {bytes.length > 0 && (
        <>
          <CutPanel bytes={bytes} options={options} />
          <StepPanel bytes={bytes} options={options} />
          {hasDeflate && <CompressedPanel bytes={bytes} role={role} takesOver={takesOver} />}
        </>
      )}
    </div>
  );
}

function read(text: string): { bytes: Uint8Array; fault: string } {
  try {
    const bytes = parseHex(text);
    if (bytes.length <= MAX_BYTES) return { bytes, fault: '' };
    return { bytes: bytes.slice(0, MAX_BYTES), fault: `The first ${plural(MAX_BYTES, 'byte')} are read here.` };
  } catch (error) {
    return { bytes: new Uint8Array(0), fault: `${(error as Error).message}.` };
  }
}
