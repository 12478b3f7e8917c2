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
