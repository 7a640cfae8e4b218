import type { FastifyRequest } from 'fastify';
import { turnsOf } from '../http/address.ts';
import type { Waiter } from '../users/password-queue.ts';

/**
 * The client that waits for a password to be hashed, as long as its connection is open.
 *
 * @param isKnown whether it comes from a known network of the account, or with a session of it.
 */
export function waiterOf({ ip, raw }: FastifyRequest, isKnown: boolean): Waiter {
  // Fastify's `signal` is aborted once the body has been read.
  return { isKnown, networks: turnsOf(ip), isGone: () => raw.socket.destroyed };
}
