import type { IncomingMessage } from 'node:http';

const userPath = '/api/user/';

/** `/api/user/` and one part at most, whatever it is, perhaps a slash, perhaps a query. */
const anyUser = /^\/api\/user\/[^/?]*\/?(?=\?|$)/;

const hasName = /\?(?:.*&)?name=/;

/**
 * Answers to addresses by which the public original of the document calls what is at `/api/user`: it
 * heads all methods with `/api/user/{user_id}`, also registering and looking up by name, where there
 * is no id to give.
 *
 * @returns the address that a request is for.
 */
export function withoutAlias({ url = '', method }: IncomingMessage): string {
  if (!url.startsWith(userPath)) return url;
  const isAlias =
    method === 'POST' || ((method === 'GET' || method === 'HEAD') && hasName.test(url));
  return isAlias ? url.replace(anyUser, '/api/user') : url;
}
