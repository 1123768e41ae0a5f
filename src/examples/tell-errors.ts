/** The last of an Express application: who has asked wrongly is told what was wrong, and what failed here is told to whoever runs it. */

import type { ErrorRequestHandler } from 'express';

export const tellErrors: ErrorRequestHandler = (error, _request, response, _next) => {
  // What keeps the logs of a hub is away: it has said so itself.
  if (error.code === 'UNAVAILABLE') return void response.status(503).json({ error: error.message });
  const status = error.status ?? 500;
  if (status >= 500) console.error(error);
  response.status(status).json({ error: status < 500 ? error.message : 'Something went wrong' });
};
