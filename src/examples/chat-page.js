/** The chat's page: a room, who is in it, and who is typing. It needs nothing of the protocol at run time. */

import { connect } from '../live/index.ts';

const [state, members, messages, typing, form, fault] = ['state', 'members', 'messages', 'typing', 'form', 'fault'].map(
  (id) => document.getElementById(id),
);
const name = sessionStorage.name ?? prompt('Your name? Letters, digits, _ and -', 'ann') ?? 'guest';

/** Asked before each connection, and a minute before the token ends. */
async function token() {
  const response = await fetch(`/session?name=${encodeURIComponent(name)}`, { method: 'POST' });
  if (!response.ok) throw new Error(await response.text());
  sessionStorage.name = name;
  return response.text();
}

const live = connect('/live', { token });
live.on('state', (now) => {
  state.textContent = now;
});
live.on('error', ({ message }) => {
  fault.textContent = message;
});

function addLine(text, className) {
  messages.append(Object.assign(document.createElement('li'), { textContent: text, className }));
  while (messages.childElementCount > 200) messages.firstElementChild.remove();
}

const room = live.join('room:general', { last: 50, members: true });
room.on('message', ({ data }) => addLine(`${data.by}: ${data.text}`, ''));
room.on('gap', () => addLine('Some messages are missing here.', 'gap'));
room.on('members', (all) => {
  members.textContent = all.map(({ data }) => data.name).join(', ');
});

let clearing;
const typists = live.join('typing:general');
typists.on('message', ({ data }) => {
  if (data.by === live.user) return;
  typing.textContent = `${data.by} is typing`;
  clearTimeout(clearing);
  clearing = setTimeout(() => typing.replaceChildren('\u00a0'), 2000);
});

let toldAt = 0;
form.addEventListener('input', () => {
  if (live.state !== 'open' || Date.now() - toldAt < 1000) return;
  toldAt = Date.now();
  typists.publish({ by: live.user }, { retry: false }).catch(() => {});
});
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  fault.textContent = '';
  try {
    await live.call.say({ room: 'general', text: form.elements.text.value });
    form.reset();
  } catch (error) {
    fault.textContent = error.issues?.[0]?.message ?? error.message;
  }
});
