/** What every answer of the server has to look like. */
import type { Test } from 'tap';
import type { Answer } from './world.ts';

const json = 'application/json';

/** A plain sentence or two: for people, not for programmers. */
const sentence = /^[A-Z][^{}<>\n]*\.$/;

/** What a framework, a database, a stack or a machine would say. */
const jargon =
  /FST_|ERR_|SQLITE|constraint|schema|undefined|node_modules|\.ts\b|\bat \/|body\/|params\//i;

/** Asserts that a request was done: the status, and the document's body to the letter. */
export function done(t: Test, answer: Answer, status = 200): void {
  const { status: given, text, headers } = answer;
  t.strictSame(
    { status: given, text, type: headers['content-type'] },
    { status, text: '{"status":"ok"}', type: json },
  );
}

/** Asserts that a request was refused, in the document's shape; `error` is the sentence expected. */
export function refused(t: Test, answer: Answer, status: number, error?: string, name = ''): void {
  const { status: given, text, headers } = answer;
  t.strictSame({ status: given, type: headers['content-type'] }, { status, type: json }, name);
  t.match(headers['error-code'], /^[a-z_]+$/, `${name} a code for programs`);
  t.notOk(headers['set-cookie'], `${name} no cookie is set`);
  t.notOk(headers.location, `${name} nothing was made`);
  const told = answer.body.error;
  t.equal(text, JSON.stringify({ error: error ?? told }), name);
  t.match(told, sentence, `${name} a plain sentence`);
  t.notMatch(told, jargon, `${name} no jargon`);
}
