import type { Chapter } from '../chapter.ts'

/** Architecture: it has no listings; what it claims is in claims.ts. */
export const chapter4: Chapter = { number: 4, before: [], words: [], placeholders: {}, listings: {} }
