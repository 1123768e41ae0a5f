/** The table of transitions, drawn, with both ends in it: where they are, and how they came there. */

import { type ConnectionEvent, type ConnectionState, type Role, TRANSITIONS } from '../../protocol/index.ts';
import { SectionLink } from '../parts/section-link.tsx';
import { BOX, layOut } from './diagram.ts';
import type { EndsView } from './two-ends.ts';

const DIAGRAM = layOut(TRANSITIONS, 'open');

const MEANINGS: Readonly<Record<ConnectionEvent, string>> = {
  sendClose: 'this end sends a Close frame',
  receiveClose: 'the peer’s Close frame comes in',
  fail: 'this end fails the connection: the peer broke a rule, or a handler threw',
  peerEnd: 'the peer ends its side of TCP',
  transportClosed: 'TCP is gone',
};

export function StateDiagram({ ends }: { ends: EndsView }) {
  const { width, height, boxes, ways, events } = DIAGRAM;
  const whoIs = (state: ConnectionState) =>
    (['client', 'server'] as const).filter((role) => ends[role].state === state);
  const whoWent = (from: ConnectionState, event: ConnectionEvent) =>
    (['client', 'server'] as const).filter((role) =>
      ends[role].transitions.some((step) => step.from === from && step.event === event),
    );
  return (
    <section className="panel" aria-labelledby="states-title">
      <h2 id="states-title">
        The states, and what leads from one to another <SectionLink section="§7.1" />
      </h2>
      <div className="states">
        <svg
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={`The client is ${ends.client.state}, the server is ${ends.server.state}`}
        >
          <defs>
            <marker
              id="arrow"
              viewBox="0 0 10 10"
              refX="9"
              refY="5"
              markerWidth="9"
              markerHeight="9"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path d="M0 0 L10 5 L0 10 z" />
            </marker>
          </defs>
          {ways.map(({ from, event, path }) => (
            <path
              key={`${from}-${event}`}
              className={`way ${sides(whoWent(from, event))}`}
              d={path}
              markerEnd="url(#arrow)"
            />
          ))}
          {ways.map(({ from, event, x, y }) => (
            <g key={`${from}-${event}`} className="way-number">
              <circle cx={x} cy={y} r={8} />
              <text x={x} y={y}>
                {events.indexOf(event) + 1}
              </text>
            </g>
          ))}
          {boxes.map(({ state, x, y }) => (
            <g key={state} className={`state ${sides(whoIs(state))}`}>
              <rect x={x - BOX.width / 2} y={y - BOX.height / 2} width={BOX.width} height={BOX.height} rx={6} />
              <text x={x} y={y}>
                {state}
              </text>
              {whoIs(state).map((role, i, all) => (
                <g key={role} className={`who who-${role}`}>
                  <rect
                    x={x + (i - all.length / 2) * 44 + 1}
                    y={y + BOX.height / 2 - 5}
                    width={42}
                    height={14}
                    rx={7}
                  />
                  <text x={x + (i - all.length / 2) * 44 + 22} y={y + BOX.height / 2 + 2}>
                    {role}
                  </text>
                </g>
              ))}
            </g>
          ))}
        </svg>
        <ol className="events">
          {events.map((event) => (
            <li key={event}>
              <code>{event}</code>: {MEANINGS[event]}
            </li>
          ))}
        </ol>
      </div>
      <details>
        <summary>The same as a table</summary>
        <table className="parser-state">
          <thead>
            <tr>
              <th scope="col">state</th>
              <th scope="col">event</th>
              <th scope="col">leads to</th>
            </tr>
          </thead>
          <tbody>
            {ways.map(({ from, event, to }) => (
              <tr key={`${from}-${event}`}>
                <th scope="row">{from}</th>
                <td>{event}</td>
                <td>
                  {to}
                  {whoWent(from, event).map((role) => ` (the ${role} went here)`)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </section>
  );
}

function sides(roles: readonly Role[]): string {
  return roles.map((role) => `at-${role}`).join(' ');
}
