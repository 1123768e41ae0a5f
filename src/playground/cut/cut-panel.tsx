/** A slider cuts the bytes in two: what the parser tells is the same, wherever the cut is. */

import { useMemo } from 'react';
import { plural } from '../../inspector/index.ts';
import { ByteStrip } from '../lab/byte-strip.tsx';
import { describeEvent } from '../lab/describe.ts';
import { Lines } from '../lab/outcome.tsx';
import { type ReceiverOptions, receive } from '../lab/receiver.ts';
import { usePlaceValue } from '../router.ts';
import { areSame, countSameCuts } from './steps.ts';

interface CutPanelProps {
  readonly bytes: Uint8Array;
  readonly options: ReceiverOptions;
}

export function CutPanel({ bytes, options }: CutPanelProps) {
  const [at, setAt] = usePlaceValue('cut', '4');
  const cut = Math.min(Math.max(0, Number(at) || 0), bytes.length);
  const whole = useMemo(() => receive(bytes, options), [bytes, options]);
  const { cuts, same } = useMemo(() => countSameCuts(bytes, options), [bytes, options]);
  const { events } = useMemo(() => receive(bytes, options, [cut]), [bytes, options, cut]);
  const first = events.filter((event) => event.at <= cut);
  const second = events.filter((event) => event.at > cut);
  return (
    <section className="panel" aria-labelledby="cut-title">
      <h2 id="cut-title">Cut anywhere</h2>
      <p className="hint">TCP cuts where it likes. A parser has to say the same of the same bytes.</p>
      <ByteStrip bytes={bytes} role={options.role} hasDeflate={options.hasDeflate} mark={cut} />
      <p className="strip hint" aria-hidden="true">
        <span className="strip-byte strip-header">first two bytes</span>
        <span className="strip-byte strip-length">longer length</span>
        <span className="strip-byte strip-key">masking key</span>
        <span className="strip-byte strip-payload">payload</span>
      </p>
      <label htmlFor="cut-at">Cut in front of byte {cut}</label>
      <input
        id="cut-at"
        type="range"
        min={0}
        max={bytes.length}
        value={cut}
        aria-valuetext={`${plural(cut, 'byte')} come first, then ${bytes.length - cut}`}
        onChange={(event) => setAt(event.target.value)}
      />
      <div className="thirds">
        <div>
          <h3>In one piece</h3>
          <Lines lines={whole.events.map(describeEvent)} none="The parser waits for more." />
        </div>
        <div>
          <h3>From the first {plural(cut, 'byte')}</h3>
          <Lines lines={first.map(describeEvent)} none="nothing yet" />
        </div>
        <div>
          <h3>From the other {bytes.length - cut}</h3>
          <Lines lines={second.map(describeEvent)} none="nothing more" />
        </div>
      </div>
      <p role="status" className="note">
        {areSame(events, whole.events)
          ? 'The events are the same.'
          : 'The events differ: that is a fault of the parser.'}{' '}
        Tried at all {plural(cuts, 'place')}: the same at {same}.
      </p>
    </section>
  );
}
