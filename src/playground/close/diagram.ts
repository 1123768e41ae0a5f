/**
 * Where the states of a connection and the ways between them lie in a drawing, worked out from the table of transitions
 * alone: a state stands below all that lead to it. Ways that pass a row by run beside the states, each in a lane of its own.
 */

import type { ConnectionEvent, ConnectionState, TransitionTable } from '../../protocol/index.ts';

export interface StateBox {
  readonly state: ConnectionState;
  /** Of the middle. */
  readonly x: number;
  readonly y: number;
}

export interface Way extends Step {
  /** As an SVG path. */
  readonly path: string;
  /** Where its number stands. */
  readonly x: number;
  readonly y: number;
}

export interface Diagram {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly StateBox[];
  readonly ways: readonly Way[];
  /** In the order of their numbers. */
  readonly events: readonly ConnectionEvent[];
}

export const BOX = { width: 106, height: 34 };
const ROW_HEIGHT = 92;
const COLUMN_WIDTH = 118;
const LANE_WIDTH = 15;
const MARGIN = 10;

interface Step {
  readonly event: ConnectionEvent;
  readonly from: ConnectionState;
  readonly to: ConnectionState;
}

export function layOut(table: TransitionTable, first: ConnectionState): Diagram {
  const states = Object.keys(table) as ConnectionState[];
  const steps = states.flatMap((from) =>
    (Object.entries(table[from]) as [ConnectionEvent, ConnectionState][]).map(
      ([event, to]): Step => ({ event, from, to }),
    ),
  );
  const row = rowsOf(steps, first);
  const rowCount = Math.max(...row.values()) + 1;
  const rows = Array.from({ length: rowCount }, (_, i) => states.filter((state) => row.get(state) === i));
  /** Columns count from the middle. */
  const columnOf = new Map(rows.flatMap((own) => own.map((state, i) => [state, i - (own.length - 1) / 2] as const)));
  const spanOf = ({ from, to }: Step) => row.get(to)! - row.get(from)!;
  const sides = sidesOf(
    steps.filter((step) => spanOf(step) > 1).sort((one, other) => spanOf(other) - spanOf(one)),
    ({ from, to }) => columnOf.get(from)! + columnOf.get(to)!,
  );

  const sideWidth = MARGIN + LANE_WIDTH * Math.max(...sides.map((lanes) => lanes.length));
  const width = 2 * sideWidth + COLUMN_WIDTH * Math.max(...rows.map((own) => own.length));
  const boxes = states.map((state) => ({
    state,
    x: width / 2 + columnOf.get(state)! * COLUMN_WIDTH,
    y: MARGIN + BOX.height / 2 + row.get(state)! * ROW_HEIGHT,
  }));
  const boxOf = (state: ConnectionState): StateBox => boxes.find((box) => box.state === state)!;
  const ways = steps.map((step) => {
    const [from, to] = [boxOf(step.from), boxOf(step.to)];
    const side = sides.findIndex((lanes) => lanes.includes(step));
    if (side === -1) return { ...step, ...straight(from, to) };
    const lanes = sides[side]!;
    const lane = lanes.indexOf(step);
    const x = MARGIN + LANE_WIDTH * (lane + 0.5);
    return { ...step, ...around(from, to, side === 0 ? x : width - x, 7 * (lane - (lanes.length - 1) / 2)) };
  });
  const events = [...new Set(steps.map(({ event }) => event))];
  return { width, height: 2 * MARGIN + BOX.height + (rowCount - 1) * ROW_HEIGHT, boxes, ways, events };
}

/**
 * The lanes of the left side and of the right, from the outermost inwards.
 * @param steps the longest first
 * @param leaning below 0 for what lies on the left
 */
function sidesOf(steps: readonly Step[], leaning: (step: Step) => number): [left: Step[], right: Step[]] {
  const left: Step[] = [];
  const right: Step[] = [];
  for (const step of steps) {
    const lean = leaning(step) || left.length - right.length;
    (lean < 0 ? left : right).push(step);
  }
  return [left, right];
}

/** The row of a state: the longest way to it from the first. */
function rowsOf(steps: readonly Step[], first: ConnectionState): Map<ConnectionState, number> {
  const rows = new Map([[first, 0]]);
  const visit = (state: ConnectionState): void => {
    for (const { from, to } of steps) {
      const next = rows.get(state)! + 1;
      if (from !== state || next <= (rows.get(to) ?? -1)) continue;
      rows.set(to, next);
      visit(to);
    }
  };
  visit(first);
  return rows;
}

/** Numbers stand nearer to where a way begins: ways that cross do so in the middle. */
function straight(from: StateBox, to: StateBox): Pick<Way, 'path' | 'x' | 'y'> {
  const [x1, y1] = [from.x + (to.x - from.x) * 0.15, from.y + BOX.height / 2];
  const [x2, y2] = [to.x + (from.x - to.x) * 0.15, to.y - BOX.height / 2];
  return { path: `M${x1} ${y1} L${x2} ${y2}`, x: x1 + (x2 - x1) * 0.35, y: y1 + (y2 - y1) * 0.35 };
}

/** @param shift apart from the middle of the boxes, so that ways to the same one do not touch */
function around(from: StateBox, to: StateBox, laneX: number, shift: number): Pick<Way, 'path' | 'x' | 'y'> {
  const out = laneX < from.x ? -1 : 1;
  const [x1, y1] = [from.x + (out * BOX.width) / 2, from.y + shift];
  const [x2, y2] = [to.x + (out * BOX.width) / 2, to.y + shift];
  const corner = laneX - out * 8;
  const down = `M${x1} ${y1} H${corner} Q${laneX} ${y1} ${laneX} ${y1 + 8} V${y2 - 8}`;
  return { path: `${down} Q${laneX} ${y2} ${corner} ${y2} H${x2}`, x: laneX, y: (y1 + y2) / 2 };
}
