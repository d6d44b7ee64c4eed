/** Who can speak on the bus (3-interface §1). `host` is `isochron up`; `operator` and `viewer` are people. */
export const roles = ['validator', 'device', 'client', 'host', 'operator', 'viewer'] as const;
export type Role = (typeof roles)[number];

/** Roles a membership snapshot may give. */
export const memberRoles = ['validator', 'device', 'client'] as const;
export type MemberRole = (typeof memberRoles)[number];

/** Names that no node may take. */
export const reservedNames: ReadonlySet<string> = new Set(['any', 'host', 'operator', 'viewer']);

const NAME = /^[a-z0-9-]{1,32}$/;

/** True for `[a-z0-9-]{1,32}`: what clusters and nodes may be called. */
export const isName = (text: string): boolean => NAME.test(text);
