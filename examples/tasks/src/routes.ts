import { type Call, ok, readJson, type Reply, type Routes } from '../../common/http.ts'
import { type Fault, problem } from '../../common/problem.ts'
import type { Config } from './config.ts'
import { openapi, service } from './openapi.ts'
import type { Outcome, Repository } from './repository.ts'
import { limits, readChange, readDraft, type Task } from './task.ts'

export interface RoutesOptions {
  readonly config: Config
  readonly repository: Repository
  /** False once the process has been told to stop. */
  readonly isReady: () => boolean
}

export const routesOf = ({ config, repository, isReady }: RoutesOptions): Routes => ({
  '/': { GET: () => ok({ ...service, greeting: config.greeting, keeps: config.database ? 'PostgreSQL' : 'memory', pod: config.podName }) },
  '/tasks': { GET: (call) => listTasks(repository, call), POST: (call) => addTask(repository, call) },
  '/tasks/:id': {
    GET: async ({ params }) => shown(idOf(params) === undefined ? undefined : await repository.find(idOf(params)!)),
    PATCH: (call) => changeTask(repository, call),
    DELETE: (call) => changing(call, (id, version) => repository.remove(id, version)),
  },
  // Alive says nothing of the database: to restart this process would not mend it.
  '/healthz': { GET: () => ok({ status: 'ok' }) },
  '/readyz': { GET: () => (isReady() ? repository.check().then(() => ok({ status: 'ready' })) : problem(503, 'stopping')) },
  '/openapi.json': { GET: () => ok(openapi) },
})

const listTasks = async (repository: Repository, { query }: Call): Promise<Reply> => {
  const after = Number(query.get('after') || 0)
  const limit = Number(query.get('limit') || limits.page)
  const faults: Fault[] = []
  if (!Number.isSafeInteger(after) || after < 0) faults.push({ field: 'after', message: 'must be the "next" of an earlier answer' })
  if (!Number.isInteger(limit) || limit < 1 || limit > limits.page) faults.push({ field: 'limit', message: `must be a whole number from 1 to ${limits.page}` })
  if (faults.length > 0) return problem(400, 'the query is not valid', { faults })
  // One more than asked for tells whether there is a next page.
  const found = await repository.list({ after, limit: limit + 1 })
  const tasks = found.slice(0, limit)
  return ok({ tasks, ...(found.length > limit ? { next: tasks.at(-1)!.id } : {}) })
}

const addTask = async (repository: Repository, { request }: Call): Promise<Reply> => {
  const body = await readJson(request)
  if ('status' in body) return body
  const read = readDraft(body.json)
  if ('faults' in read) return problem(400, 'the task is not valid', { faults: read.faults })
  const task = await repository.add(read.draft)
  return { status: 201, body: task, headers: { ETag: etag(task), Location: `/tasks/${task.id}` } }
}

const changeTask = async (repository: Repository, call: Call): Promise<Reply> => {
  const body = await readJson(call.request)
  if ('status' in body) return body
  const read = readChange(body.json)
  if ('faults' in read) return problem(400, 'the change is not valid', { faults: read.faults })
  return changing(call, (id, version) => repository.change(id, read.change, version))
}

/** With `If-Match`, only the version that the caller has seen is changed: of two who change it at once, the second is told (RFC 9110, 13.1.1). */
const changing = async ({ params, request }: Call, act: (id: number, version: number | undefined) => Promise<Outcome>): Promise<Reply> => {
  const id = idOf(params)
  if (id === undefined) return missing
  const wanted = request.headers['if-match']
  const version = wanted === undefined || wanted === '*' ? undefined : (/^"(\d{1,9})"$/.exec(wanted)?.[1] ?? '-1')
  const outcome = await act(id, version === undefined ? undefined : Number(version))
  if ('task' in outcome) return shown(outcome.task)
  return outcome.refused === 'missing' ? missing : problem(412, 'the task has changed since: read it again')
}

const missing = problem(404, 'there is no such task')
const shown = (task: Task | undefined): Reply => (task ? { status: 200, body: task, headers: { ETag: etag(task) } } : missing)
const etag = ({ version }: Task): string => `"${version}"`
const idOf = ({ id = '' }: Readonly<Record<string, string>>): number | undefined => (/^[1-9]\d{0,15}$/.test(id) ? Number(id) : undefined)
