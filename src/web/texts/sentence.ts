/** What a person reads of an error, in their language. */
import { ApiError, isIntercepted, NetworkError } from '../lib/api.ts';
import { PartError } from '../lib/parts.ts';
import { CookieError } from '../state/account.ts';
import { texts } from './index.ts';

/** Why something could not be done; the server's own sentence where this page has no other. */
export function sentenceOf(error: unknown): string {
  if (error instanceof CookieError) return cookieSentence();
  if (error instanceof PartError) return texts.partMissing;
  const missing = isIntercepted.value ? texts.intercepted : texts.unreachable;
  if (!(error instanceof ApiError || error instanceof NetworkError)) return missing;
  const { code, message } = error;
  const own = code === 'invalid_input' ? texts.fields[message] : texts.refusals[code];
  const sentence = own ?? message;
  if (sentence === '') return missing;
  const isTimed = code === 'too_often' && error instanceof NetworkError && error.wait > 0;
  return isTimed ? `${sentence} (${texts.inTime(Math.ceil(error.wait / 1000))})` : sentence;
}

/** Over http, a browser keeps no cookie that the server has sent for https only. */
function cookieSentence(): string {
  return location.protocol === 'http:' ? texts.cookiesNeedHttps : texts.cookiesRefused;
}
