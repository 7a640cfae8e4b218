import type { FastifyReply, FastifyRequest } from 'fastify';
import { placeOf } from '../http/address.ts';
import { textOfHeader } from '../http/utf8.ts';
import { ageLimit, type NewSession } from './sessions.ts';
import { hashToken, newToken } from './tokens.ts';

/** As much of a User-Agent is kept as a person can tell a device by. */
const deviceLength = 200;

/** The two cookies that prove who makes a request. */
export interface Credentials {
  readonly userId: string;
  readonly token: string;
}

/** The cookies of a request, or undefined unless it brings each of the two exactly once, as set. */
export function readCredentials({ cookies, headers }: FastifyRequest): Credentials | undefined {
  const { user_id: userId, token } = cookies;
  if (!userId || !token) return undefined;
  // Nearly everybody sends just what was set: there is nothing to look for.
  if (headers.cookie === `user_id=${userId}; token=${token}`) return { userId, token };
  const pairs = headers.cookie?.split(';').map((pair) => pair.trimStart()) ?? [];
  const areOurs = isSole(pairs, 'user_id', userId) && isSole(pairs, 'token', token);
  return areOurs ? { userId, token } : undefined;
}

/**
 * A fresh token for whoever makes this request, and the session that it will stand for. That one
 * replaces the session that the request brought, if it brought one.
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
 * Has a client forget both cookies. The document gives them a blank, which jars trim to nothing; the
 * library refuses to write one (RFC 6265, 4.1.1).
 */
export function clearCredentials(reply: FastifyReply): void {
  const { secure } = cookieOptions(reply);
  const end = `${secure ? '; Secure' : ''}; SameSite=Strict`;
  reply.header('set-cookie', [`user_id= ; ${ended}${end}`, `token= ; ${ended}; HttpOnly${end}`]);
}

const ended = `Max-Age=0; Path=/; Expires=${new Date(0).toUTCString()}`;

function cookieOptions({ request }: FastifyReply) {
  return { path: '/', sameSite: 'strict', secure: isSecurePage(request) } as const;
}

/** Whether the page that asks came over https: a browser drops `Secure` cookies of any other. */
function isSecurePage({ protocol, isSecure, headers: { origin } }: FastifyRequest): boolean {
  if (protocol === 'https' || origin === undefined) return isSecure;
  return origin.startsWith('https:');
}

/**
 * Whether a cookie is there once, to the letter. A second one was set by somebody else: which one
 * is ours, nobody knows. Parsers trim what stands around `=`; no browser would send it back so.
 */
function isSole(pairs: readonly string[], name: string, value: string): boolean {
  const named = pairs.filter(
    (pair) => pair.startsWith(name) && pair.split('=', 1)[0]?.trimEnd() === name,
  );
  return named.length === 1 && named[0] === `${name}=${value}`;
}
