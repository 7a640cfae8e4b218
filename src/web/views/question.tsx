import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { Dialog } from './dialog.tsx';
import { Form } from './form.tsx';

interface Question {
  /** The question, as the title of the dialog. */
  readonly title: string;
  /** The consequences. */
  readonly detail?: ComponentChildren;
  /** The label of the button that confirms. */
  readonly action: string;
  /** Runs the action; an error that it throws is shown, and the dialog stays open. */
  readonly act: (fields: Record<string, string>) => Promise<unknown>;
  /** Inputs that the user must fill in to confirm. */
  readonly fields?: ComponentChildren;
}

const asked = signal<Question | undefined>(undefined);

/** Asks for confirmation before an action that cannot be undone, and then runs it. */
export function askFirst(question: Question): void {
  asked.value = question;
}

/** The open question, over the current pane. */
export function OpenQuestion() {
  const question = asked.value;
  if (question === undefined) return null;
  const { title, detail, action, act, fields } = question;
  const close = () => (asked.value = undefined);
  const submit = async (given: Record<string, string>) => {
    await act(given);
    if (asked.value === question) close();
  };
  return (
    <Dialog title={title} onClose={close}>
      {detail !== undefined && <p>{detail}</p>}
      <Form action={action} onSubmit={submit} onCancel={close} isDangerous>
        {fields}
      </Form>
    </Dialog>
  );
}
