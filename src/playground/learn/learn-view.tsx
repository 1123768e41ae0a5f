/** Eight lessons: something to read, bytes to change, and a task that the parser of the page checks. */

import { type FormEvent, type Ref, useEffect, useRef, useState } from 'react';
import { formatHex, inspect, parseHex } from '../../inspector/index.ts';
import { ActionButton } from '../lab/action-button.tsx';
import { Lines } from '../lab/outcome.tsx';
import { Disclosure } from '../parts/disclosure.tsx';
import { FrameDetail } from '../parts/frame-detail.tsx';
import { SectionLink } from '../parts/section-link.tsx';
import { linkTo, usePlaceValue } from '../router.ts';
import { CaseLinks } from './case-links.tsx';
import type { Verdict } from './check.ts';
import { LESSONS, type Lesson } from './lessons.ts';
import { readProgress, writeProgress } from './progress.ts';
import { SourceLines } from './source-lines.tsx';
import '../lab/lab.css';

export default function LearnView() {
  const [id] = usePlaceValue('lesson', LESSONS[0]!.id);
  const [done, setDone] = useState(readProgress);
  const index = Math.max(
    0,
    LESSONS.findIndex((candidate) => candidate.id === id),
  );
  const lesson = LESSONS[index]!;
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(lesson);
  useEffect(() => {
    // Whoever went on to another lesson reads on from its heading.
    if (shown.current !== lesson) heading.current?.focus();
    shown.current = lesson;
  }, [lesson]);
  const pass = () => {
    if (done.has(lesson.id)) return;
    const next = new Set(done).add(lesson.id);
    setDone(next);
    writeProgress(next);
  };
  return (
    <div className="lab learn">
      <nav className="panel" aria-label="Lessons">
        <ol className="lesson-list">
          {LESSONS.map((other) => (
            <li key={other.id}>
              <a href={linkTo('learn', { lesson: other.id })} aria-current={other === lesson ? 'step' : undefined}>
                {other.title}
              </a>
              {done.has(other.id) && (
                <span className="done" role="img" aria-label="done">
                  ✓
                </span>
              )}
            </li>
          ))}
        </ol>
        <p className="hint" role="status">
          {done.size} of {LESSONS.length} done
        </p>
      </nav>
      <LessonPanel key={lesson.id} lesson={lesson} index={index} headingRef={heading} onPass={pass} />
    </div>
  );
}

interface LessonPanelProps {
  readonly lesson: Lesson;
  readonly index: number;
  readonly headingRef: Ref<HTMLHeadingElement>;
  readonly onPass: () => void;
}

function LessonPanel({ lesson, index, headingRef, onPass }: LessonPanelProps) {
  const [answer, setAnswer] = usePlaceValue('answer', lesson.start);
  const [verdict, setVerdict] = useState<Verdict>();
  const next = LESSONS[index + 1];
  const check = (event: FormEvent) => {
    event.preventDefault();
    const found = lesson.check(answer);
    setVerdict(found);
    if (found.passes) onPass();
  };
  const change = (value: string) => {
    setAnswer(value);
    setVerdict(undefined);
  };
  return (
    <article className="panel" aria-labelledby="lesson-title">
      <h2 id="lesson-title" ref={headingRef} tabIndex={-1}>
        {index + 1}. {lesson.title}
      </h2>
      <div className="prose">
        {lesson.text.map((paragraph) => (
          <p key={paragraph}>{paragraph}</p>
        ))}
        <p className="links">
          {lesson.sections.map((section) => (
            <SectionLink key={section} section={section} />
          ))}
        </p>
      </div>
      <form className="task" onSubmit={check}>
        <h3>Your task</h3>
        <p>{lesson.task}</p>
        <label htmlFor="answer">
          {lesson.reader ? `Bytes that a ${lesson.reader} reads, in hex` : 'The head of the request'}
        </label>
        <textarea
          id="answer"
          className="mono"
          rows={lesson.reader ? 2 : 7}
          spellCheck={false}
          autoCapitalize="none"
          value={answer}
          aria-describedby="behind"
          onChange={(event) => change(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
          }}
        />
        <p id="behind" className="hint">
          {lesson.behind ? `Behind your bytes the page puts ${lesson.behind}.` : 'Ctrl-Enter checks it.'}
        </p>
        <div className="chips">
          <button type="submit" className="primary">
            Check
          </button>
          <ActionButton onAct={() => change(lesson.start)} isPossible={answer !== lesson.start}>
            Start again
          </ActionButton>
          <button type="button" onClick={() => change(lesson.solution)}>
            Show me the answer
          </button>
        </div>
        <div role="status">
          {verdict && (
            <div className={verdict.passes ? 'verdict verdict-good' : 'verdict'}>
              <p>
                <strong>{verdict.passes ? 'Right.' : 'Not yet.'}</strong> {verdict.advice}
              </p>
              {verdict.found.length > 0 && (
                <>
                  <p className="hint">{lesson.reader ? 'The parser found:' : 'The server answers:'}</p>
                  <Lines lines={verdict.found} none="" />
                </>
              )}
              {verdict.passes && (
                <p>
                  {next ? (
                    <a href={linkTo('learn', { lesson: next.id })}>Next: {next.title}</a>
                  ) : (
                    'That was the last one. The parts below are a whole parser: write it, and cut its input where you like.'
                  )}
                </p>
              )}
            </div>
          )}
        </div>
        <Disclosure className="source" summary="A hint">
          {() => <p>{lesson.hint}</p>}
        </Disclosure>
      </form>
      {lesson.reader && <AnswerFrames key={lesson.id} answer={answer} lesson={lesson} />}
      <h3>For your own parser</h3>
      <pre className="code">
        <code>{lesson.code}</code>
      </pre>
      {index > 0 && (
        <Disclosure className="source" summary={`All ${index + 1} parts so far`}>
          {() => (
            <pre className="code">
              <code>
                {LESSONS.slice(0, index + 1)
                  .map(({ code }) => code)
                  .join('\n\n')}
              </code>
            </pre>
          )}
        </Disclosure>
      )}
      <h3>How framewright does it</h3>
      {lesson.sources.map((source) => (
        <SourceLines key={source.symbol} source={source} />
      ))}
      <h3>How it is tested</h3>
      <p>
        With these cases of the conformance suite, for a server of your own:{' '}
        <code>npx framewright conformance --url ws://localhost:9000 --cases '{lesson.cases}'</code>
      </p>
      <Disclosure className="source" summary="Some of these cases, bit by bit">
        {() => <CaseLinks lesson={lesson.id} />}
      </Disclosure>
    </article>
  );
}

/** The bits of what is written now, first frame first. */
function AnswerFrames({ answer, lesson: { reader, id } }: { answer: string; lesson: Lesson }) {
  const [at, setAt] = useState(0);
  const bytes = bytesOf(answer);
  if (bytes === undefined || bytes.length === 0) return null;
  const { frames, violation } = inspect(bytes, { role: reader!, allowsRsv1: id === 'compression' });
  const frame = frames[Math.min(at, frames.length - 1)];
  if (frame === undefined) return null;
  const deflate = id === 'compression' ? { deflate: 'on' } : {};
  return (
    <>
      <h3>The bits of it</h3>
      <p>
        <a href={linkTo('cut', { bytes: formatHex(bytes), role: reader!, ...deflate })}>
          Cut these bytes, and step through them
        </a>
      </p>
      {frames.length > 1 && (
        <div className="chips">
          {frames.map(({ index, offset, headerHex, payload }) => (
            <button
              key={index}
              type="button"
              className="small mono"
              aria-pressed={index === frame.index}
              onClick={() => setAt(index)}
            >
              {formatHex(bytes.subarray(offset, offset + (headerHex.length + 1) / 3 + payload.presentLength))}
            </button>
          ))}
        </div>
      )}
      <FrameDetail
        key={`${frame.index} ${answer}`}
        frame={frame}
        violation={violation?.frame === frame.index ? violation : undefined}
      />
    </>
  );
}

function bytesOf(text: string): Uint8Array | undefined {
  try {
    return parseHex(text);
  } catch {
    return undefined;
  }
}
