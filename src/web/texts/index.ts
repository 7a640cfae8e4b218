/** The texts in the reader's language: German, or else English. */
import { en, type Texts } from './en.ts';

export let texts: Texts = en;

/** Chooses by what the browser prefers; another language than English is a file of its own. */
export async function chooseLanguage(): Promise<void> {
  const preferred = navigator.languages.map((tag) => tag.split('-')[0]);
  const first = preferred.find((language) => language === 'en' || language === 'de');
  if (first === 'de') texts = await import('./de.ts').then(({ de }) => de, keepEnglish);
  document.documentElement.lang = texts.language;
}

/** A page in English is better than none, where the language cannot be loaded. */
function keepEnglish(): Texts {
  return en;
}
