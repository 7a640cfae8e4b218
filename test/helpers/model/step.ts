/** One call of the API, as the model understands it. */
import type { Answer } from '../world.ts';
import type { Device, Model, User } from './state.ts';

export interface Expected {
  readonly status: number;
  readonly body: unknown;
  readonly location?: string;
  /** The Link header; not compared if undefined. */
  readonly link?: string | null;
  /** The user of the answer's cookies. */
  readonly signsIn?: number;
}

export type Got = Answer & { readonly cookies: Record<string, string> };

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly fields?: Record<string, string>;
  readonly headers?: Record<string, string>;
  /** From a client without cookies. */
  readonly isNewcomer?: boolean;
  /** Follows `rel="next"` to the end, and joins the pages' lists. */
  readonly list?: string;
  /**
   * Changes the model and returns the expected answer, or throws the refusal. From the real answer
   * it takes only the ids that the server has chosen.
   */
  readonly rule: (answer: Got, device: Device) => Expected;
}

/** The random arguments of a call. Some refer to what is gone or never existed. */
export interface Choice {
  readonly user: number;
  readonly chat: number;
  readonly message: number;
  readonly code: string;
  /** Mostly a user's name. */
  readonly name: string;
  readonly newName: string;
  readonly email: string;
  readonly password: string;
  readonly text: string;
  readonly query: string;
  /** For every other choice. */
  readonly n: number;
}

/** By name; `me` is the user who makes the call. */
export type Calls = Record<string, (model: Model, choice: Choice, me: User) => Call>;

export function ok(status = 200, location?: string): Expected {
  return { status, body: { status: 'ok' }, ...(location !== undefined && { location }) };
}

/** The id or code at the end of a Location header. */
export function idFrom({ headers }: Got): number {
  return Number(codeFrom({ headers } as Got));
}

export function codeFrom({ headers }: Got): string {
  return String(headers.location).split('/').at(-1) ?? '';
}
