import type { KubeObject } from '../../base/api/object.ts'
import type { Resource } from '../../base/api/resource.ts'
import { parseFieldSelector, parseLabelSelector } from '../../base/machinery/selectors.ts'
import { badRequest } from './errors.ts'
import { fieldLabel } from './field-labels.ts'

export type Selection = (object: KubeObject) => boolean

/** The labelSelector and fieldSelector of a list or watch; undefined selects everything. */
export function parseSelection(resource: Resource, query: URLSearchParams): Selection | undefined {
  const [labels, fields] = [query.get('labelSelector'), query.get('fieldSelector')]
  const tests: Selection[] = []
  if (labels) {
    const selector = refuse(() => parseLabelSelector(labels), 'unable to parse requirement')
    tests.push((object) => selector.matches(object.metadata.labels ?? {}))
  }
  if (fields) tests.push(...fieldTests(resource, fields))
  if (tests.length === 0) return undefined
  return (object) => tests.every((test) => test(object))
}

/** The one name that a fieldSelector asks for, so that a watch of one object costs nothing when others change. */
export function selectedName(query: URLSearchParams): string | undefined {
  const fields = query.get('fieldSelector')
  if (!fields?.includes('metadata.name')) return undefined
  return parseFieldSelector(fields).find(({ field, operator }) => field === 'metadata.name' && operator === '=')?.value
}

function fieldTests(resource: Resource, text: string): Selection[] {
  const requirements = refuse(() => parseFieldSelector(text), 'invalid field selector')
  return requirements.map(({ field, operator, value }) => {
    const read = fieldLabel(resource.kind, field)
    return (object: KubeObject) => (read(object) === value) === (operator !== '!=')
  })
}

function refuse<T>(parse: () => T, fallback: string): T {
  try {
    return parse()
  } catch (error) {
    throw badRequest(error instanceof Error && error.message ? error.message : fallback)
  }
}
