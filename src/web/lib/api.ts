/** The one way to ask the server: the same API that everybody has. */
import { signal } from '@preact/signals';

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
export class NetworkError extends Error {
  /** How long to wait before that, in ms; 0 if the server did not say. */
  readonly wait: number;

  /** The refusal's name, if the server was reached. */
  readonly code: string;

  /** @param sentence what the server says, if it was reached. */
  constructor(sentence = '', wait = 0, code = '') {
    super(sentence);
    this.wait = wait;
    this.code = code;
  }
}

/**
 * Whether something else answered the last request in the server's place: a network or a proxy that
 * asks people to sign in, a firewall. An error page of a proxy that misses its server does not count.
 */
export const isIntercepted = signal(false);

/** Whether the server has answered that nobody is signed in. */
export const isSignedOut = signal(false);

/** Lets work be left undone while the line is broken; it is done anew when the line is back. */
export function unlessBroken(work: Promise<unknown>): void {
  work.catch((error: unknown) => {
    if (!(error instanceof NetworkError)) throw error;
  });
}

interface Options {
  readonly headers?: Record<string, string>;
  /** A field that the answer has if it worked. */
  readonly has?: string;
  /** For how long the answer is waited for, in ms. */
  readonly patience?: number;
}

export interface Reply<Body> {
  readonly body: Body;
  /** Where what was made is to be found. */
  readonly location: string;
  readonly headers: Headers;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type Fields = Record<string, string>;

/** No other site can have a browser send it; see http/same-origin.ts. */
const own = { 'x-requested-with': 'Snug' };

/**
 * Sends a request with the fields as a form. Only an answer in the form of the API counts; whatever
 * else answers in the server's place is a broken line, with any status.
 *
 * @throws ApiError if the server says no, NetworkError if it cannot be reached, is not well or was
 *   asked too often.
 */
export async function ask<Body>(
  method: Method,
  path: string,
  fields?: Fields,
  { headers = {}, has = 'status', patience = 30_000 }: Options = {},
): Promise<Reply<Body>> {
  const body = fields === undefined ? undefined : new URLSearchParams(fields);
  const signal = AbortSignal.timeout(patience);
  const response = await reach(path, {
    method,
    headers: { ...own, ...headers },
    signal,
    ...(body && { body }),
  });
  const answer = await answerOf(response, has);
  isIntercepted.value = answer === undefined && response.status < 500;
  if (answer === undefined) throw new NetworkError();
  if (!response.ok) throw refusalOf(response, String(answer.error));
  return {
    body: answer as Body,
    location: response.headers.get('location') ?? '',
    headers: response.headers,
  };
}

/** The API never redirects; a redirect leads to somebody else's page, and is no answer. */
async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, cache: 'no-store', redirect: 'manual' });
  } catch {
    isIntercepted.value = false;
    throw new NetworkError();
  }
}

/** What the server has answered; undefined if the answer is not the server's. */
async function answerOf(
  response: Response,
  has: string,
): Promise<Record<string, unknown> | undefined> {
  const text = await response.text().catch(() => {
    throw new NetworkError();
  });
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  const answer = isJson ? parsed(text) : undefined;
  const isOurs = response.ok
    ? answer !== undefined && (has === 'status' ? answer.status === 'ok' : has in answer)
    : typeof answer?.error === 'string' && response.headers.has('error-code');
  return isOurs ? answer : undefined;
}

/** A JSON object; undefined for any other text. */
function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function refusalOf({ status, headers }: Response, sentence: string): ApiError | NetworkError {
  const code = headers.get('error-code') ?? '';
  if (code === 'signed_out') isSignedOut.value = true;
  const isForNow = status >= 500 || status === 429;
  const wait = 1000 * (Number(headers.get('retry-after')) || 0);
  return isForNow ? new NetworkError(sentence, wait, code) : new ApiError(status, sentence, code);
}

/** @param has the field that the answer is for. */
export async function get<Body>(path: string, has: keyof Body & string): Promise<Body> {
  return (await ask<Body>('GET', path, undefined, { has })).body;
}

/** All of a list that comes in pages. */
export async function getAll<Item>(path: string, field: string): Promise<Item[]> {
  const items: Item[] = [];
  let next: string | undefined = path;
  while (next !== undefined) {
    const { body, headers }: Reply<Record<string, Item[]>> = await ask('GET', next, undefined, {
      has: field,
    });
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

/**
 * The id of what was made, from its address.
 *
 * @throws NetworkError if the address is none of ours: then nothing is known to be made.
 */
export function idIn(location: string): number {
  const id = /^\/api\/chats\/(?:\d+\/messages\/)?([1-9]\d{0,14})$/.exec(location)?.[1];
  if (id === undefined) throw new NetworkError();
  return Number(id);
}
