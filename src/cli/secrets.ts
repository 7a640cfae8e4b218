/** Passwords and other typed input: never as an argument, because others could see it in `ps`. */
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { OperatorError } from '../errors.ts';
import { checkPassword, hashPassword } from '../users/passwords.ts';
import { Password } from '../users/schema.ts';
import { checkField } from './fields.ts';

/** The user's data, from which a password must differ. */
interface Owner {
  readonly name: string;
  readonly email: string;
}

/**
 * Chooses a password: generates one, has it typed twice at a terminal, or reads it from standard
 * input. A password from a person must meet the API's rules.
 *
 * @returns its hash, and the password itself if it was generated.
 */
export async function choosePassword(
  owner: Owner,
  { isGenerated }: { isGenerated: boolean },
): Promise<{ passwordHash: string; generated?: string }> {
  if (isGenerated) {
    const generated = randomBytes(18).toString('base64url');
    return { passwordHash: await hashPassword(generated), generated };
  }
  const password = process.stdin.isTTY ? await askTwice() : await readAll();
  checkField(Password, password);
  await checkPassword(password, owner);
  return { passwordHash: await hashPassword(password) };
}

async function askTwice(): Promise<string> {
  const password = await ask('New password: ', { isHidden: true });
  if ((await ask('Repeat the password: ', { isHidden: true })) !== password) {
    throw new OperatorError('The two passwords differ. Try again.');
  }
  return password;
}

/** Reads all of standard input, without the last line break. */
async function readAll(): Promise<string> {
  const line = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (line === '') {
    throw new OperatorError(
      'Pass the password on standard input, or add --generate to create one.',
    );
  }
  return line;
}

/** Asks at the terminal; the input is not shown if `isHidden` is set. */
export async function ask(question: string, { isHidden = false } = {}): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = isHidden ? nowhere : process.stderr;
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  // The terminal no longer prints the question itself.
  process.stderr.write(question);
  try {
    return await new Promise<string>((resolve, reject) => {
      const stop = () => reject(new OperatorError('Nothing was changed.'));
      terminal.once('line', resolve).once('SIGINT', stop).once('close', stop);
    });
  } finally {
    terminal.close();
    if (isHidden) process.stderr.write('\n');
  }
}
