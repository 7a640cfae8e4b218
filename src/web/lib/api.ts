/** Requests to the server, through the same API that everybody uses. */
import { signal } from '@preact/signals';

/** The server refused a request, with a sentence for the user. */
export class ApiError extends Error {
  readonly status: number;
  /** The refusal's code; see `refusals` in src/errors.ts. */
  readonly code: string;

  constructor(status: number, sentence: string, code: string) {
    super(sentence);
    this.status = status;
    this.code = code;
  }
}

/** The server could not be reached or cannot answer now; the same request may succeed later. */
export class NetworkError extends Error {
  /** How long to wait before trying again, in ms; 0 if the server did not say. */
  readonly wait: number;

  /** The refusal's code, if the server was reached. */
  readonly code: string;

  /** @param sentence the server's answer, if it was reached. */
  constructor(sentence = '', wait = 0, code = '') {
    super(sentence);
    this.wait = wait;
    this.code = code;
  }
}

/**
 * Whether something else answered the last request instead of the server: a firewall, or a network
 * or proxy that asks people to sign in. The error page of a proxy that cannot reach its server does
 * not count.
 */
export const isIntercepted = signal(false);

/** Whether the server has answered that nobody is signed in. */
export const isSignedOut = signal(false);

/** Ignores network errors of work that is repeated when the connection is back. */
export function unlessBroken(work: Promise<unknown>): void {
  work.catch((error: unknown) => {
    if (!(error instanceof NetworkError)) throw error;
  });
}

interface Options {
  readonly headers?: Record<string, string>;
  /** A field that every successful answer has. */
  readonly has?: string;
  /** In ms. */
  readonly timeout?: number;
}

export interface Reply<Body> {
  readonly body: Body;
  /** The address of the created resource. */
  readonly location: string;
  readonly headers: Headers;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type Fields = Record<string, string>;

/** Other sites cannot make a browser send this header; see http/same-origin.ts. */
const sameOrigin = { 'x-requested-with': 'Snug' };

/**
 * Sends a request with the fields as a form. Any answer that is not one of the API's, whatever its
 * status, comes from something else than the server and is a network error.
 *
 * @throws ApiError if the server refuses, NetworkError if it cannot be reached, has an internal
 *   error or limits the rate.
 */
export async function ask<Body>(
  method: Method,
  path: string,
  fields?: Fields,
  { headers = {}, has = 'status', timeout = 30_000 }: Options = {},
): Promise<Reply<Body>> {
  const body = fields === undefined ? undefined : new URLSearchParams(fields);
  const signal = AbortSignal.timeout(timeout);
  const response = await reach(path, {
    method,
    headers: { ...sameOrigin, ...headers },
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

/** The API never redirects, so a redirect leads to another site's page and is not followed. */
async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, cache: 'no-store', redirect: 'manual' });
  } catch {
    isIntercepted.value = false;
    throw new NetworkError();
  }
}

/** The server's answer as an object; undefined if it is not from the server. */
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

/** @param has the field of the answer with the result. */
export async function get<Body>(path: string, has: keyof Body & string): Promise<Body> {
  return (await ask<Body>('GET', path, undefined, { has })).body;
}

/** Loads all pages of a list. */
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

/** The address of a list's next page; undefined after the last one. */
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
 * The id of a created resource, from its address.
 *
 * @param parent the address before the id.
 * @throws NetworkError if the address is another one: then nothing may have been created.
 */
export function idIn(location: string, parent = '/api/chats'): number {
  const [, id = ''] = location.split(`${parent}/`);
  if (location !== `${parent}/${id}` || !/^[1-9]\d{0,14}$/.test(id)) throw new NetworkError();
  return Number(id);
}
