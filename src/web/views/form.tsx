import { useSignal } from '@preact/signals';
import type { ComponentChildren, InputHTMLAttributes } from 'preact';
import { useId } from 'preact/hooks';
import { holdComposed } from '../lib/keys.ts';
import { useFailing } from '../state/failing.ts';
import { texts } from '../texts/index.ts';
import { ErrorText } from './error-text.tsx';

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly type?: 'text' | 'email' | 'password';
  readonly defaultValue?: string | undefined;
  readonly autocomplete?: string;
  readonly required?: boolean;
  readonly minLength?: number;
  readonly autofocus?: boolean;
}

/** An input with its label above and a hint below. */
export function Field({ label, hint, type = 'text', ...input }: FieldProps) {
  const id = useId();
  const hintId = hint === undefined ? undefined : `${id}-hint`;
  const dir = type === 'text' ? 'auto' : undefined;
  // TypeScript would check the union of input types one by one.
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
  /** Receives the fields that are not empty; an error that it throws is shown. */
  readonly onSubmit: (fields: Record<string, string>) => Promise<unknown>;
  /** Shown after success; undefined once it is no longer true. */
  readonly done?: string | undefined;
  /** Whether the fields are cleared after success. */
  readonly isCleared?: boolean;
  /** Whether the action cannot be undone. */
  readonly isDangerous?: boolean;
  /** Adds a button that leaves the form. */
  readonly onCancel?: () => void;
}

/** A form that shows its error or success, and cannot be submitted twice at once. */
export function Form(props: FormProps) {
  const {
    action,
    children,
    onSubmit,
    done,
    isDangerous = false,
    isCleared = false,
    onCancel,
  } = props;
  const { error } = useFailing();
  const isDone = useSignal(false);
  const isBusy = useSignal(false);
  /** Removes messages about the previous input. */
  const clear = () => {
    error.value = undefined;
    isDone.value = false;
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isBusy.value) return;
    const form = event.currentTarget as HTMLFormElement;
    isBusy.value = true;
    clear();
    try {
      await onSubmit(fieldsOf(form));
      isDone.value = true;
      if (isCleared) form.reset();
    } catch (thrown) {
      error.value = thrown;
    } finally {
      isBusy.value = false;
    }
  };
  const submitButton = (
    <button type="submit" class={isDangerous ? 'danger' : 'primary'} disabled={isBusy}>
      {action}
    </button>
  );
  return (
    <form onSubmit={submit} onInput={clear} onKeyDown={holdComposed} class="form">
      {children}
      <ErrorText of={error} />
      {isDone.value && done !== undefined && <p role="status">{done}</p>}
      {onCancel === undefined ? (
        submitButton
      ) : (
        <span class="actions">
          {/* Comes first, so that Enter does not trigger an action that cannot be undone. */}
          <button type="button" onClick={onCancel}>
            {texts.cancel}
          </button>
          {submitButton}
        </span>
      )}
    </form>
  );
}

function fieldsOf(form: HTMLFormElement): Record<string, string> {
  const entries = [...new FormData(form)].map(([name, value]) => [name, String(value)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== ''));
}

/** Says who can see e-mail addresses, by the setting EMAILS, which the page contains. */
export function emailHint(): string {
  const { emails } = document.documentElement.dataset;
  if (emails === 'admins') return texts.emailForAdmins;
  return emails === 'members' ? texts.emailForMembers : texts.emailForEverybody;
}
