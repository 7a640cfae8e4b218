import { texts } from '../texts/index.ts';

interface Props {
  /** A user, or the direct chat with one. */
  readonly of: { readonly disabled?: true } | undefined;
}

/** Marks a disabled account with a word, which screen readers read too. */
export function Deactivated({ of }: Props) {
  return of?.disabled ? <small class="tag">{texts.deactivated}</small> : null;
}
