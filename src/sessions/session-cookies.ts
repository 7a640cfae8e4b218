import type { FastifyReply, FastifyRequest } from 'fastify';
import { placeOf } from '../http/address.ts';
import { textOfHeader } from '../http/utf8.ts';
import { ageLimit, type NewSession } from './sessions.ts';
import { hashToken, newToken } from './tokens.ts';

/** The most characters stored of a User-Agent: enough for people to recognise a device. */
const deviceLength = 200;

/** The two cookies that prove the identity of a request's sender. */
export interface Credentials {
  readonly userId: string;
  readonly token: string;
}

/** The cookies of a request, or undefined unless each occurs exactly once, as it was set. */
export function readCredentials({ cookies, headers }: FastifyRequest): Credentials | undefined {
  const { user_id: userId, token } = cookies;
  if (!userId || !token) return undefined;
  // Nearly all clients send exactly what was set, which needs no search.
  if (headers.cookie === `user_id=${userId}; token=${token}`) return { userId, token };
  const pairs = headers.cookie?.split(';').map((pair) => pair.trimStart()) ?? [];
  const areOurs = isSole(pairs, 'user_id', userId) && isSole(pairs, 'token', token);
  return areOurs ? { userId, token } : undefined;
}

/**
 * A fresh token for the client, and the session that it will stand for. The new session replaces
 * the one of the request, if it has one.
 */
export function newCredentials(request: FastifyRequest): { token: string; session: NewSession } {
  const token = newToken();
  const agent = textOfHeader(request.headers['user-agent'] ?? '');
  const device = agent.slice(0, deviceLength).toWellFormed();
  const brought = readCredentials(request)?.token;
  const broughtToken = brought === undefined ? {} : { broughtToken: hashToken(brought) };
  const network = placeOf(request.ip);
  return { token, session: { tokenHash: hashToken(token), device, network, ...broughtToken } };
}

export function setCredentials(reply: FastifyReply, { userId, token }: Credentials): void {
  const options = { ...cookieOptions(reply), maxAge: ageLimit / 1000 };
  reply.setCookie('user_id', userId, options);
  reply.setCookie('token', token, { ...options, httpOnly: true });
}

/**
 * Makes the client delete both cookies. The API's document gives them a space as value, which
 * clients trim to nothing; the library refuses to write one (RFC 6265, 4.1.1). They are `Secure`
 * only if the request itself came over https: a GET does not say whether its page did, and over
 * http a browser would drop them and keep the old ones.
 */
export function clearCredentials(reply: FastifyReply): void {
  const end = `${reply.request.protocol === 'https' ? '; Secure' : ''}; SameSite=Strict`;
  reply.header('set-cookie', [`user_id= ; ${ended}${end}`, `token= ; ${ended}; HttpOnly${end}`]);
}

const ended = `Max-Age=0; Path=/; Expires=${new Date(0).toUTCString()}`;

function cookieOptions({ request }: FastifyReply) {
  return { path: '/', sameSite: 'strict', secure: isSecurePage(request) } as const;
}

/** Whether the requesting page came over https: other pages cannot set `Secure` cookies. */
function isSecurePage({ protocol, isSecure, headers: { origin } }: FastifyRequest): boolean {
  if (protocol === 'https' || origin === undefined) return isSecure;
  return origin.startsWith('https:');
}

/**
 * Whether a cookie occurs once, exactly as set. A second one was set by someone else, and nothing
 * shows which of them is ours. Parsers trim spaces around `=`, but no browser would send them.
 */
function isSole(pairs: readonly string[], name: string, value: string): boolean {
  const named = pairs.filter(
    (pair) => pair.startsWith(name) && pair.split('=', 1)[0]?.trimEnd() === name,
  );
  return named.length === 1 && named[0] === `${name}=${value}`;
}
