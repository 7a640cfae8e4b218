/** The form of every answer of the server. */
import type { Test } from 'tap';
import { Refusal, type RefusalCode } from '../../src/errors.ts';
import { refusals } from '../../src/web/texts/refusals-de.ts';
import type { Answer } from './world.ts';

const json = 'application/json';

/** A plain sentence or two: for people, not for programmers. */
const sentence = /^[A-Z][^{}<>\n]*\.$/;

/** What a framework, a database, a stack trace or an operating system would say. */
const jargon =
  /FST_|ERR_|SQLITE|constraint|schema|undefined|node_modules|\.ts\b|\bat \/|body\/|params\//i;

/** The code of each sentence. */
const codes = new Map(
  (Object.keys(refusals) as RefusalCode[]).map((code) => [new Refusal(code).message, code]),
);

/** Asserts that a request succeeded: the status, and the exact body of the API's document. */
export function done(t: Test, answer: Answer, status = 200): void {
  const { status: given, text, headers } = answer;
  t.strictSame(
    { status: given, text, type: headers['content-type'] },
    { status, text: '{"status":"ok"}', type: json },
  );
}

/** Asserts that a request was refused, in the API's form; `error` is the expected sentence. */
export function refused(t: Test, answer: Answer, status: number, error?: string, name = ''): void {
  const { status: given, text, headers } = answer;
  t.strictSame({ status: given, type: headers['content-type'] }, { status, type: json }, name);
  t.notOk(headers['set-cookie'], `${name} no cookie is set`);
  t.notOk(headers.location, `${name} nothing was made`);
  const message = answer.body.error;
  // A sentence about a field is its schema's; one schema says what a refusal says too.
  const code = codes.get(message) ?? 'invalid_input';
  const expected = code === 'bad_emoji' ? /^(bad_emoji|invalid_input)$/ : new RegExp(`^${code}$`);
  t.match(headers['error-code'], expected, `${name} the code of its sentence`);
  t.equal(text, JSON.stringify({ error: error ?? message }), name);
  t.match(message, sentence, `${name} a plain sentence`);
  t.notMatch(message, jargon, `${name} no jargon`);
}
