import { useSignal } from '@preact/signals';
import { ApiError } from '../lib/api.ts';
import { paths, replace, route } from '../lib/route.ts';
import { ending, register, signIn } from '../state/account.ts';
import { chats, loadChats } from '../state/chats.ts';
import { texts } from '../texts/index.ts';
import { emailHint, Field, Form } from './form.tsx';
import { Logo } from './icons.tsx';

const { registration, fresh } = document.documentElement.dataset;

/** The form to sign in or register; an invite link fills in its code. */
export function SignIn() {
  const here = route.value;
  const code = here.name === 'invite' ? here.code : undefined;
  const setup = here.name === 'setup' ? here.code : undefined;
  const isFirst = fresh === 'yes' || setup !== undefined;
  const isNew = useSignal(isFirst || code !== undefined);
  return (
    <main class="sign-in">
      <header>
        <Logo />
        <h1>{texts.appName}</h1>
        <p>{texts.welcome}</p>
      </header>
      {isFirst && <p class="note">{texts.firstVisit}</p>}
      {ending.value && (
        <p class="note">
          {texts.sessionEnded} {ending.value === 'unknown' && texts.otherServer}
        </p>
      )}
      {code !== undefined && <p class="note">{texts.invitedUnknown}</p>}
      {isNew.value ? <Register code={code} setup={setup} /> : <KnownUser />}
      {(registration !== 'closed' || isFirst) && (
        <button type="button" class="link" onClick={() => (isNew.value = !isNew.value)}>
          {isNew.value ? texts.knownHere : texts.newHere}
        </button>
      )}
    </main>
  );
}

function KnownUser() {
  return (
    <Form
      action={texts.signIn}
      onSubmit={({ name = '', password = '' }) => signIn(name, password)}
      key="sign-in"
    >
      <Field name="name" label={texts.name} autocomplete="username" required />
      <Field
        name="password"
        label={texts.password}
        type="password"
        autocomplete="current-password"
        required
      />
    </Form>
  );
}

interface RegisterProps {
  /** The code of an invite link. */
  readonly code: string | undefined;
  /** The setup code of a new server, from the address that the server printed. */
  readonly setup: string | undefined;
}

function Register({ code, setup }: RegisterProps) {
  const isSetupAsked = useSignal(setup !== undefined);
  const isInviteAsked = registration === 'invite' && fresh !== 'yes' && !isSetupAsked.value;
  const submit = async (fields: Record<string, string>) => {
    try {
      await register(fields);
    } catch (error) {
      if (error instanceof ApiError && error.code === 'setup_needed') isSetupAsked.value = true;
      throw error;
    }
    if (fields.invite !== undefined) await enterFirstChat();
    else if (fields.setup !== undefined) replace(paths.home);
  };
  return (
    <Form action={texts.register} onSubmit={submit} key="register">
      <Field name="name" label={texts.name} autocomplete="username" required />
      <Field
        name="email"
        label={texts.email}
        type="email"
        autocomplete="email"
        hint={emailHint()}
        required
      />
      <Field
        name="password"
        label={texts.password}
        type="password"
        autocomplete="new-password"
        minLength={8}
        hint={texts.passwordHint}
        required
      />
      {isSetupAsked.value && (
        <Field
          name="setup"
          label={texts.setupCode}
          hint={texts.setupHint}
          defaultValue={setup}
          autocomplete="off"
          required
        />
      )}
      {(isInviteAsked || code !== undefined) && (
        <Field
          name="invite"
          label={texts.inviteCode}
          hint={texts.inviteHint}
          defaultValue={code}
          autocomplete="off"
        />
      )}
    </Form>
  );
}

/** Opens the chat of the invite: registering has joined it, and the invite may be used up. */
async function enterFirstChat(): Promise<void> {
  replace(paths.home);
  await loadChats();
  const [first] = chats.value;
  if (first !== undefined) replace(paths.chat(first.id));
}
