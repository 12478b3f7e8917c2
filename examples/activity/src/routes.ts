import { type Call, ok, readJson, type Reply, type Routes } from '../../common/http.ts'
import { type Fault, problem } from '../../common/problem.ts'
import type { Config } from './config.ts'
import { readEvent, utc } from './event.ts'
import { openapi, service } from './openapi.ts'
import type { Entry, Place, Repository } from './repository.ts'

export interface RoutesOptions {
  readonly config: Config
  readonly repository: Repository
  /** False once the process has been told to stop. */
  readonly isReady: () => boolean
}

export const limits = { page: 100, subjects: 100 }

export const routesOf = ({ config, repository, isReady }: RoutesOptions): Routes => ({
  '/': { GET: () => ok({ ...service, keeps: config.database ? 'PostgreSQL' : 'memory', pod: config.podName }) },
  '/events': { POST: (call) => recordEvent(repository, call) },
  '/activity': { GET: (call) => listActivity(repository, call) },
  '/activity/newest': { GET: (call) => newestActivity(repository, call) },
  // Alive says nothing of the database: to restart this process would not mend it.
  '/healthz': { GET: () => ok({ status: 'ok' }) },
  '/readyz': { GET: () => (isReady() ? repository.check().then(() => ok({ status: 'ready' })) : problem(503, 'stopping')) },
  '/openapi.json': { GET: () => ok(openapi) },
})

/** 201 the first time and 200 after that, so that a sender may repeat itself until it hears either. */
const recordEvent = async (repository: Repository, { request }: Call): Promise<Reply> => {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (!['application/cloudevents+json', 'application/json'].includes(type))
    return problem(415, `the content type must be application/cloudevents+json or application/json, not "${type}"`)
  const body = await readJson(request)
  if ('status' in body) return body
  const read = readEvent(body.json)
  if ('faults' in read) return problem(400, 'the event is not valid', { faults: read.faults })
  const { entry, isNew } = await repository.record(read.event)
  return { status: isNew ? 201 : 200, body: shown(entry) }
}

const listActivity = async (repository: Repository, { query }: Call): Promise<Reply> => {
  const limit = Number(query.get('limit') || 20)
  const before = query.get('before') ? readCursor(query.get('before')!) : undefined
  const faults: Fault[] = []
  if (!Number.isInteger(limit) || limit < 1 || limit > limits.page) faults.push({ field: 'limit', message: `must be a whole number from 1 to ${limits.page}` })
  if (query.get('before') && !before) faults.push({ field: 'before', message: 'must be the "next" of an earlier answer' })
  if (faults.length > 0) return problem(400, 'the query is not valid', { faults })
  // One more than asked for tells whether there is a next page.
  const found = await repository.list({ subject: subjectOf(query.get('subject')), before, limit: limit + 1 })
  const page = found.slice(0, limit)
  const last = page.at(-1)
  return ok({ activity: page.map(shown), ...(found.length > limit && last ? { next: cursorOf(last) } : {}) })
}

/** One question for a whole page of tasks: who composes answers should not ask once per task. */
const newestActivity = async (repository: Repository, { query }: Call): Promise<Reply> => {
  const subjects = query.getAll('subject').flatMap((subject) => subjectOf(subject) ?? [])
  if (subjects.length === 0 || subjects.length > limits.subjects)
    return problem(400, 'the query is not valid', { faults: [{ field: 'subject', message: `must be given 1 to ${limits.subjects} times` }] })
  return ok({ activity: (await repository.newest(subjects)).map(shown) })
}

/** No event has a subject with a NUL in it, and PostgreSQL would refuse the question. */
const subjectOf = (value: string | null): string | undefined => value?.replaceAll('\0', '\ufffd') || undefined

const shown = ({ position: _, ...event }: Entry) => event

const cursorOf = ({ time, position }: Place): string => Buffer.from(JSON.stringify([time, position])).toString('base64url')

const readCursor = (cursor: string): Place | undefined => {
  try {
    const [time, position] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as [unknown, unknown]
    const isPlace = typeof time === 'string' && utc(time) === time && typeof position === 'number' && Number.isSafeInteger(position)
    return isPlace ? { time, position } : undefined
  } catch {
    return undefined
  }
}
