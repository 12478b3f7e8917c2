import type { Chapter } from '../chapter.ts'
import { chapter3 } from './ch03.ts'
import { chapter4 } from './ch04.ts'
import { chapter6 } from './ch06.ts'

/** The chapters that Knarr is held to, in reading order. */
export const chapters: readonly Chapter[] = [chapter3, chapter4, chapter6]
