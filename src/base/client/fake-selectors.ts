import type { KubeObject } from '../api/object.ts'
import type { ListOptions } from './client.ts'

/** The selectors that tests use: `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b,c)`, `a notin (b,c)`; fields by equality. */
export const isSelected = (object: KubeObject, { namespace, labelSelector, fieldSelector }: ListOptions): boolean =>
  (!namespace || object.metadata.namespace === namespace) &&
  requirements(labelSelector).every((requirement) => matchesLabel(requirement, object.metadata.labels ?? {})) &&
  requirements(fieldSelector).every((requirement) => matchesField(requirement, object))

const requirements = (selector = '') => selector.split(/,(?![^(]*\))/).map((text) => text.trim()).filter(Boolean)

const matchesLabel = (requirement: string, labels: Readonly<Record<string, string>>): boolean => {
  const set = /^(\S+)\s+(in|notin)\s+\((.*)\)$/.exec(requirement)
  if (set) {
    const value = labels[set[1] ?? '']
    const listed = value !== undefined && (set[3] ?? '').split(',').map((text) => text.trim()).includes(value)
    return set[2] === 'in' ? listed : !listed
  }
  const [, key = '', operator, wanted] = /^!?([^=!]+)(==?|!=)?(.*)$/.exec(requirement) ?? []
  if (operator) return (labels[key.trim()] === wanted?.trim()) !== (operator === '!=')
  return key.trim() in labels !== requirement.startsWith('!')
}

const matchesField = (requirement: string, object: KubeObject): boolean => {
  const [, path = '', operator, wanted] = /^([^=!]+)(==?|!=)(.*)$/.exec(requirement) ?? []
  const value = path.split('.').reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], object)
  return (String(value ?? '') === wanted) !== (operator === '!=')
}
