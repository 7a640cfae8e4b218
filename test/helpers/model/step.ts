/** One call of the API, as the model understands it. */
import type { Answer } from '../world.ts';
import type { Device, Model, User } from './state.ts';

export interface Expected {
  readonly status: number;
  readonly body: unknown;
  readonly location?: string;
  /** The Link header; left alone where this is undefined. */
  readonly link?: string | null;
  /** The user whom the answer's cookies stand for. */
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
  /** Leads on by `rel="next"` until it is absent, and takes the pages' lists together. */
  readonly list?: string;
  /**
   * Changes the model and says what the answer is, or throws the refusal. Of the real answer it
   * takes only the ids that the server has chosen.
   */
  readonly rule: (answer: Got, device: Device) => Expected;
}

/** What chance chose for a call: whom, where, what. Some point to what is gone or never was. */
export interface Choice {
  readonly user: number;
  readonly chat: number;
  readonly message: number;
  readonly code: string;
  /** Mostly somebody's. */
  readonly name: string;
  readonly newName: string;
  readonly email: string;
  readonly password: string;
  readonly text: string;
  readonly query: string;
  /** For whatever else there is to choose. */
  readonly n: number;
}

/** By name; `me` is whoever makes the call. */
export type Calls = Record<string, (model: Model, choice: Choice, me: User) => Call>;

export function ok(status = 200, location?: string): Expected {
  return { status, body: { status: 'ok' }, ...(location !== undefined && { location }) };
}

/** The id or code that ends the address of what was made. */
export function idFrom({ headers }: Got): number {
  return Number(codeFrom({ headers } as Got));
}

export function codeFrom({ headers }: Got): string {
  return String(headers.location).split('/').at(-1) ?? '';
}
