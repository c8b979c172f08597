// Requests to the server.

import { sentence } from './words.js';

let key = '';

/** Remembers the key of the client until the page is left. */
export function useKey(text) {
  key = text;
}

/** An answer other than success; `status` is 0 if there is none. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Fetches a path. Throws Refused with the detail of the problem that the server answers with. */
export async function request(path, options = {}) {
  const headers = new Headers(options.headers);
  if (key) headers.set('authorization', `Bearer ${key}`);
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Refused('The server cannot be reached. Is it running?', 0);
  }
  if (response.ok) return response;
  let detail = '';
  try {
    ({ detail } = await response.json());
  } catch {
    // Not a problem of this server.
  }
  const message = detail ? sentence(detail) : `The server answered with ${response.status} ${response.statusText}.`;
  throw new Refused(message, response.status);
}

export const json = async (path, options) => (await request(path, options)).json();
export const blob = async (path, options) => (await request(path, options)).blob();
