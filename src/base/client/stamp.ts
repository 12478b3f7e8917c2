/** A `metav1.Time`: RFC 3339 in whole seconds, UTC. */
export const stampOf = (epochMs: number): string => new Date(epochMs).toISOString().replace(/\.\d+Z$/, 'Z')

/** A `metav1.MicroTime`: RFC 3339 with six digits of a second, UTC. */
export const microStampOf = (epochMs: number): string => new Date(epochMs).toISOString().replace(/Z$/, '000Z')
