import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { Dialog } from './dialog.tsx';
import { Form } from './form.tsx';

interface Question {
  /** What is asked, which is the title of the window. */
  readonly title: string;
  /** What it would lead to. */
  readonly detail?: ComponentChildren;
  /** The name of the button that says yes. */
  readonly action: string;
  /** Does it; what it throws is shown, and the window stays. */
  readonly act: (fields: Record<string, string>) => Promise<unknown>;
  /** What must be given with the answer. */
  readonly fields?: ComponentChildren;
}

const asked = signal<Question | undefined>(undefined);

/** Asks before something that cannot be undone, and does it if the answer is yes. */
export function askFirst(question: Question): void {
  asked.value = question;
}

/** The question that is open, over whatever pane it was asked in. */
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
