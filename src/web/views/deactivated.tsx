import { texts } from '../texts/index.ts';

interface Props {
  /** Somebody whose account may be disabled, or the direct chat with them. */
  readonly of: { readonly disabled?: true } | undefined;
}

/** Says of a disabled account that it is one, in a word that screen readers read too. */
export function Deactivated({ of }: Props) {
  return of?.disabled ? <small class="tag">{texts.deactivated}</small> : null;
}
