import type { IncomingMessage } from 'node:http';

const userPath = '/api/user/';

/** `/api/user/` and at most one segment, then an optional slash and an optional query. */
const anyUser = /^\/api\/user\/[^/?]*\/?(?=\?|$)/;

const hasName = /\?(?:.*&)?name=/;

/**
 * Maps the addresses that the public original of the API document uses for `/api/user`: it heads
 * all methods with `/api/user/{user_id}`, even registering and looking up by name, where there is
 * no id to give.
 *
 * @returns the address that the request is meant for.
 */
export function withoutAlias({ url = '', method }: IncomingMessage): string {
  if (!url.startsWith(userPath)) return url;
  const isAlias =
    method === 'POST' || ((method === 'GET' || method === 'HEAD') && hasName.test(url));
  return isAlias ? url.replace(anyUser, '/api/user') : url;
}
