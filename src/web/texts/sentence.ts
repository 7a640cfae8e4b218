/** The sentence for an error in the user's language. */
import { ApiError, isIntercepted, NetworkError } from '../lib/api.ts';
import { ModuleError } from '../lib/lazy-modules.ts';
import { CookieError } from '../state/account.ts';
import { texts } from './index.ts';

/** Why an action failed: this page's sentence, or the server's where this page has none. */
export function sentenceOf(error: unknown): string {
  if (error instanceof CookieError) return cookieSentence();
  if (error instanceof ModuleError) return texts.moduleMissing;
  // A fault of this page, which says nothing about the server.
  if (!(error instanceof ApiError || error instanceof NetworkError)) return texts.unexpected;
  const { code, message } = error;
  const own = code === 'invalid_input' ? texts.fields[message] : texts.refusals[code];
  const sentence = own ?? message;
  if (sentence === '') return isIntercepted.value ? texts.intercepted : texts.unreachable;
  const isTimed = code === 'too_often' && error instanceof NetworkError && error.wait > 0;
  return isTimed ? `${sentence} (${texts.inTime(Math.ceil(error.wait / 1000))})` : sentence;
}

/** Over http, a browser does not store cookies that the server has sent for https only. */
function cookieSentence(): string {
  return location.protocol === 'http:' ? texts.cookiesNeedHttps : texts.cookiesRefused;
}
