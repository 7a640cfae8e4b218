/** The one way to ask the server: the same API that everybody has. */

/** The server said no, in a sentence for the person. */
export class ApiError extends Error {
  readonly status: number;
  /** The refusal's name; see `refusals` in src/errors.ts. */
  readonly code: string;

  constructor(status: number, sentence: string, code: string) {
    super(sentence);
    this.status = status;
    this.code = code;
  }
}

/** The server could not be reached, or not now; the same request may go through later. */
export class LineError extends Error {
  /** How long to wait before that, in ms; 0 if the server did not say. */
  readonly wait: number;

  /** @param sentence what the server says, if it was reached. */
  constructor(sentence = '', wait = 0) {
    super(sentence);
    this.wait = wait;
  }
}

/** Lets work be left undone while the line is broken; it is done anew when the line is back. */
export function unlessBroken(work: Promise<unknown>): void {
  work.catch((error: unknown) => {
    if (!(error instanceof LineError)) throw error;
  });
}

interface Options {
  readonly headers?: Record<string, string>;
}

export interface Reply<Body> {
  readonly body: Body;
  /** Where what was made is to be found. */
  readonly location: string;
  readonly headers: Headers;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type Fields = Record<string, string>;

/**
 * Sends a request with the fields as a form.
 *
 * @throws ApiError if the server says no, LineError if it cannot be reached, is not well or was
 *   asked too often.
 */
export async function ask<Body>(
  method: Method,
  path: string,
  fields?: Fields,
  { headers = {} }: Options = {},
): Promise<Reply<Body>> {
  const body = fields === undefined ? undefined : new URLSearchParams(fields);
  const response = await reach(path, { method, headers, ...(body && { body }) });
  const answer = await response.json().catch(() => ({}));
  if (response.status >= 500 || response.status === 429) {
    throw new LineError(answer.error, 1000 * (Number(response.headers.get('retry-after')) || 0));
  }
  if (!response.ok) {
    const code = response.headers.get('error-code') ?? '';
    throw new ApiError(response.status, String(answer.error), code);
  }
  return {
    body: answer as Body,
    location: response.headers.get('location') ?? '',
    headers: response.headers,
  };
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, cache: 'no-store' });
  } catch {
    throw new LineError();
  }
}

export async function get<Body>(path: string): Promise<Body> {
  return (await ask<Body>('GET', path)).body;
}

/** All of a list that comes in pages. */
export async function getAll<Item>(path: string, field: string): Promise<Item[]> {
  const items: Item[] = [];
  let next: string | undefined = path;
  while (next !== undefined) {
    const { body, headers }: Reply<Record<string, Item[]>> = await ask('GET', next);
    items.push(...(body[field] ?? []));
    next = nextPage(headers);
  }
  return items;
}

/** Where a list goes on, if it does. */
export function nextPage(headers: Headers): string | undefined {
  return /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
}

export async function post(path: string, fields: Fields = {}): Promise<string> {
  return (await ask('POST', path, fields)).location;
}

export async function put(path: string, fields?: Fields): Promise<void> {
  await ask('PUT', path, fields);
}

export async function remove(path: string, fields?: Fields): Promise<void> {
  await ask('DELETE', path, fields);
}

/** The last part of an address: the id or the code of what was made. */
export function lastPart(location: string): string {
  return location.split('/').at(-1) ?? '';
}
