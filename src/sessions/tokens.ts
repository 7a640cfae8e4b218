import { hash, randomBytes } from 'node:crypto';

/** 256 random bits, as base64url: the secret that proves a session. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * The hash that is stored for a token. A plain SHA-256 is enough: a token is as random as a key, so
 * its hash cannot be guessed.
 */
export function hashToken(token: string): Buffer {
  return Buffer.from(digestToken(token), 'hex');
}

/** The hash as text: Node makes that 4 times as fast as a buffer. */
export function digestToken(token: string): string {
  return hash('sha256', token, 'hex');
}
