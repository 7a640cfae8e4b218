/** The form of every answer of the server. */
import type { Test } from 'tap';
import type { Answer } from './world.ts';

const json = 'application/json';

/** A plain sentence or two: for people, not for programmers. */
const sentence = /^[A-Z][^{}<>\n]*\.$/;

/** What a framework, a database, a stack trace or an operating system would say. */
const jargon =
  /FST_|ERR_|SQLITE|constraint|schema|undefined|node_modules|\.ts\b|\bat \/|body\/|params\//i;

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
  t.match(headers['error-code'], /^[a-z_]+$/, `${name} a code for programs`);
  t.notOk(headers['set-cookie'], `${name} no cookie is set`);
  t.notOk(headers.location, `${name} nothing was made`);
  const message = answer.body.error;
  t.equal(text, JSON.stringify({ error: error ?? message }), name);
  t.match(message, sentence, `${name} a plain sentence`);
  t.notMatch(message, jargon, `${name} no jargon`);
}
