// Server-side apply through the front door; the stories are in apply-stories/, their language in its README.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { kinds } from '../../base/api/kinds.ts'
import { apiVersionOf } from '../../base/api/kind.ts'
import { pathsOf, pathText, type FieldSet } from '../../base/machinery/managed-fields/field-set.ts'
import { MemoryStore } from '../store/memory-store.ts'
import { createAsk, type Answer } from './testing/ask.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

type Json = Record<string, unknown>
type Verb = 'create' | 'update' | 'apply' | 'force' | 'merge' | 'json'
type Step = { readonly [verb in Verb]?: Json } & {
  readonly by?: string
  readonly at?: string
  readonly refused?: string
  readonly object?: Json
  readonly owners?: Readonly<Record<string, readonly string[] | 'ignore'>>
}
interface Story {
  readonly story: string
  readonly kind: string
  readonly base?: keyof typeof bases
  readonly steps: readonly Step[]
}

const bases = {
  deployment: {
    spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } },
  },
}
const contentTypes: Readonly<Record<string, string>> = {
  apply: 'application/apply-patch+yaml',
  force: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
}
const verbs: readonly Verb[] = ['create', 'update', 'apply', 'force', 'merge', 'json']

let running: TestServer
beforeAll(async () => {
  running = await startTestServer({ store: new MemoryStore() })
})
afterAll(() => running.stop())
const ask = createAsk(() => running.server)

/** Asks for one step of a story on the object `x`. */
class Stage {
  readonly #collection: string
  readonly #typeMeta: { apiVersion: string; kind: string }

  constructor({ kind }: Story, namespace: string) {
    const found = kinds.find((one) => `${apiVersionOf(one)} ${one.kind}` === kind)!
    this.#typeMeta = { apiVersion: apiVersionOf(found), kind: found.kind }
    this.#collection = `${found.group ? `/apis/${found.group}` : '/api'}/${found.version}/namespaces/${namespace}/${found.plural}`
  }

  read = (): Promise<Answer> => ask(`${this.#collection}/x`)

  do(verb: Verb, body: Json, { by = 'me', at }: Pick<Step, 'by' | 'at'>): Promise<Answer> {
    const query = `?fieldManager=${by}${verb === 'force' ? '&force=true' : ''}`
    const whole =
      verb === 'json' ? body : { ...this.#typeMeta, ...body, metadata: { ...(body['metadata'] as Json), ...(verb === 'merge' ? {} : { name: 'x' }) } }
    const headers = { 'user-agent': 'story/1 (test)', 'content-type': contentTypes[verb] ?? 'application/json' }
    const target = verb === 'create' ? this.#collection : `${this.#collection}/x${at ? `/${at}` : ''}`
    const sent = verb === 'merge' && at === 'scale' ? body : whole
    return ask(target + query, { method: verb === 'create' ? 'POST' : verb === 'update' ? 'PUT' : 'PATCH', headers, body: sent })
  }
}

/** `manager operation[ subresource]` and the paths of each entry. */
const ownersOf = (object: { metadata: { managedFields?: { manager: string; operation: string; subresource?: string; fieldsV1: FieldSet }[] } }) =>
  Object.fromEntries(
    (object.metadata.managedFields ?? []).map(({ manager, operation, subresource, fieldsV1 }) => [
      [manager, operation, ...(subresource ? [subresource] : [])].join(' '),
      pathsOf(fieldsV1).map(pathText),
    ]),
  )

/** Of the actual value what the expected one names; lists by their length, too. */
function selected(actual: unknown, expected: unknown): unknown {
  if (Array.isArray(expected) && Array.isArray(actual)) return actual.map((item, i) => selected(item, expected[i]))
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null) return actual ?? null
  return Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, selected((actual as Json)[key], value)]))
}

/** What a step says must hold, as far as it says anything. */
const expected = ({ refused, object, owners }: Step) => ({ refused, object, owners })

/** The same as it is after the step. */
async function perform(stage: Stage, step: Step): Promise<ReturnType<typeof expected>> {
  const verb = verbs.find((one) => step[one] !== undefined)!
  const answer = await stage.do(verb, step[verb]!, step)
  const { body } = await stage.read()
  return {
    refused: answer.status < 300 ? undefined : shortened(String(answer.body.message), step.refused),
    object: step.object && (selected(body, step.object) as Json),
    owners: step.owners && withIgnored(ownersOf(body), step.owners),
  }
}

const shortened = (message: string, pattern = ''): string => (pattern.endsWith('…') && message.startsWith(pattern.slice(0, -1)) ? pattern : message)

const withIgnored = (owners: Record<string, readonly string[]>, wanted: NonNullable<Step['owners']>): NonNullable<Step['owners']> =>
  Object.fromEntries(Object.entries(owners).map(([name, paths]) => [name, wanted[name] === 'ignore' ? 'ignore' : paths]))

const folder = join(import.meta.dirname, 'apply-stories')
describe.each(readdirSync(folder).filter((file) => file.endsWith('.yaml')))('%s', (file) => {
  const stories = parseAllDocuments(readFileSync(join(folder, file), 'utf8')).flatMap((document) => document.toJS() as Story[])
  test.each(stories)('$story', async (story) => {
    const namespace = `s${file[0]}${stories.indexOf(story)}`
    await ask('/api/v1/namespaces', { method: 'POST', body: { metadata: { name: namespace } } })
    await ask(`/api/v1/namespaces/${namespace}/serviceaccounts`, { method: 'POST', body: { metadata: { name: 'default' } } })
    const stage = new Stage(story, namespace)
    if (story.base) await stage.do('create', bases[story.base], { by: 'base' })
    for (const step of story.steps) expect(await perform(stage, step)).toEqual(expected(step))
  })
})
