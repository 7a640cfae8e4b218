/** What the owners of a chat keep to themselves. */
export interface Permissions {
  readonly ownersRename: boolean;
  /** To make invites and to add people. */
  readonly ownersInvite: boolean;
}

/** These as answers and events show them: a field is there only where it is not for everybody. */
export function permissionsToWire({ ownersRename, ownersInvite }: Permissions) {
  return {
    ...(ownersRename && { rename: 'owners' as const }),
    ...(ownersInvite && { invite: 'owners' as const }),
  };
}
