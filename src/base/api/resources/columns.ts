import { ageText } from '../duration.ts'
import type { KubeObject } from '../object.ts'
import type { Cell, Column, ColumnContext, ColumnOf } from '../resource.ts'

type CellOf<T> = (object: T, ctx: ColumnContext) => Cell
type Extras = Partial<Pick<Column, 'type' | 'format' | 'description'>>

const build = <T>(name: string, cell: CellOf<T>, priority: number, extras: Extras): ColumnOf<T> => ({
  name,
  type: extras.type ?? 'string',
  ...(extras.format ? { format: extras.format } : {}),
  description: extras.description ?? '',
  priority,
  cell,
})

/** A column that is always shown. */
export const column = <T>(name: string, cell: CellOf<T>, extras: Extras = {}): ColumnOf<T> => build(name, cell, 0, extras)

/** A column of `-o wide`. */
export const wide = <T>(name: string, cell: CellOf<T>, extras: Extras = {}): ColumnOf<T> => build(name, cell, 1, extras)

export const nameColumn = column<KubeObject>('Name', (object) => object.metadata.name, {
  format: 'name',
  description: 'Name must be unique within a namespace.',
})

export const ageColumn = column<KubeObject>('Age', (object, ctx) => ageText(object.metadata.creationTimestamp, ctx.now), {
  description: 'The time since the object was created.',
})
