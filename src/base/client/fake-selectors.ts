import type { KubeObject } from '../api/object.ts'
import { parseFieldSelector, parseLabelSelector } from '../machinery/selectors.ts'
import type { ListOptions } from './client.ts'

/** Is `object` among what the options select? Fields are found by their path, whatever the kind. */
export const isSelected = (object: KubeObject, { namespace, labelSelector, fieldSelector }: ListOptions): boolean =>
  (!namespace || object.metadata.namespace === namespace) &&
  (!labelSelector || parseLabelSelector(labelSelector).matches(object.metadata.labels)) &&
  (!fieldSelector || parseFieldSelector(fieldSelector).every(({ field, operator, value }) => (fieldOf(object, field) === value) !== (operator === '!=')))

const fieldOf = (object: KubeObject, path: string): string => {
  const value = path.split('.').reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], object)
  return typeof value === 'object' || value === undefined ? '' : String(value as string | number | boolean)
}
