/**
 * A name as it is compared: two names that differ only in case, width or composition are one.
 * NFKC and full case folding (Unicode 3.13, toNFKC_Casefold); JavaScript has no case folding, but
 * lower, upper and lower case again maps the same letters together, ß, ẞ and ς among them (ẞ alone
 * has no other upper case).
 */
export function canonicalName(name: string): string {
  return name.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase().normalize('NFKC');
}

/** An e-mail address as it is compared; it is ASCII by its schema. */
export function canonicalEmail(email: string): string {
  return email.toLowerCase();
}
