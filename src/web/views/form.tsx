import { useSignal } from '@preact/signals';
import type { ComponentChildren, InputHTMLAttributes } from 'preact';
import { useId } from 'preact/hooks';
import { ApiError, isIntercepted, LineError } from '../lib/api.ts';
import { holdComposed } from '../lib/keys.ts';
import { PartError } from '../lib/parts.ts';
import { CookieError } from '../state/account.ts';
import { texts } from '../texts/index.ts';

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly type?: 'text' | 'email' | 'password';
  readonly defaultValue?: string | undefined;
  readonly autocomplete?: string;
  readonly required?: boolean;
  readonly minLength?: number;
}

/** An input with its label and, below, what to know about it. */
export function Field({ label, hint, type = 'text', ...input }: FieldProps) {
  const id = useId();
  const hintId = hint === undefined ? undefined : `${id}-hint`;
  const dir = type === 'text' ? 'auto' : undefined;
  // One of three kinds, which TypeScript would check one by one.
  const attributes = { ...input, id, type, dir, 'aria-describedby': hintId };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input {...(attributes as InputHTMLAttributes)} />
      {hint !== undefined && <small id={hintId}>{hint}</small>}
    </div>
  );
}

interface FormProps {
  readonly action: string;
  readonly children: ComponentChildren;
  /** Gets the fields that are not empty; what it throws is shown. */
  readonly onSubmit: (fields: Record<string, string>) => Promise<unknown>;
  /** Said when it is done. */
  readonly done?: string;
  /** Whether what it does cannot be undone. */
  readonly isDangerous?: boolean;
}

/** A form that says what went wrong, or that it is done, and is not sent twice. */
export function Form({ action, children, onSubmit, done, isDangerous = false }: FormProps) {
  const error = useSignal('');
  const note = useSignal('');
  const isBusy = useSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isBusy.value) return;
    const form = event.currentTarget as HTMLFormElement;
    isBusy.value = true;
    error.value = note.value = '';
    try {
      await onSubmit(fieldsOf(form));
      note.value = done ?? '';
    } catch (thrown) {
      error.value = sentenceOf(thrown);
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <form onSubmit={submit} onKeyDown={holdComposed} class="form">
      {children}
      {error.value !== '' && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {note.value !== '' && <p role="status">{note}</p>}
      <button type="submit" class={isDangerous ? 'danger' : 'primary'} disabled={isBusy}>
        {action}
      </button>
    </form>
  );
}

/** What a person is told of an error. */
export function sentenceOf(error: unknown): string {
  const isTold = error instanceof ApiError || error instanceof LineError;
  if (error instanceof CookieError) return cookieSentence();
  if (error instanceof PartError) return texts.partMissing;
  const own = error instanceof ApiError ? texts.refusals[error.code] : undefined;
  const missing = isIntercepted.value ? texts.intercepted : texts.unreachable;
  return own ?? ((isTold && error.message) || missing);
}

/** Over http, a browser keeps no cookie that the server has sent for https only. */
function cookieSentence(): string {
  return location.protocol === 'http:' ? texts.cookiesNeedHttps : texts.cookiesRefused;
}

function fieldsOf(form: HTMLFormElement): Record<string, string> {
  const entries = [...new FormData(form)].map(([name, value]) => [name, String(value)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== ''));
}

/** Who will see an e-mail address: by the setting EMAILS, which the page brings. */
export function emailHint(): string {
  const { emails } = document.documentElement.dataset;
  if (emails === 'admins') return texts.emailForAdmins;
  return emails === 'members' ? texts.emailForMembers : texts.emailForEverybody;
}
