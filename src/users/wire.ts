/** A disabled account as shown to other people: the field is present only if true. */
export function disabledToWire({ disabledAt }: { readonly disabledAt: number | null }) {
  return disabledAt === null ? {} : { disabled: true as const };
}
