/** What an application does with a message: it reads some JSON, changes it and writes it again. */

const ORDERS = Array.from({ length: 12 }, (_, id) => ({
  id,
  name: `order ${id}`,
  place: { x: id, y: -id },
  tags: ['a', 'b'],
}));
const TEXT = JSON.stringify({ revision: 0, orders: ORDERS });

let revision = 0;

export function work(): void {
  const state = JSON.parse(TEXT) as { revision: number };
  state.revision = revision;
  revision += JSON.stringify(state).length;
}
