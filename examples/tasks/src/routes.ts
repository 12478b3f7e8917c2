import type { IncomingMessage } from 'node:http'
import { ok, readJson, type Reply, type Routes } from '../../common/http.ts'
import { problem } from '../../common/problem.ts'
import type { Config } from './config.ts'
import { openapi, service } from './openapi.ts'
import { readTask, type TaskStore } from './tasks.ts'

export interface RoutesOptions {
  readonly config: Config
  readonly store: TaskStore
  /** False once the process has been told to stop. */
  readonly isReady: () => boolean
}

export const routesOf = ({ config, store, isReady }: RoutesOptions): Routes => ({
  '/': { GET: () => ok({ ...service, greeting: config.greeting, pod: config.podName }) },
  '/tasks': { GET: () => ok({ tasks: store.list() }), POST: ({ request }) => addTask(store, request) },
  '/healthz': { GET: () => ok({ status: 'ok' }) },
  '/readyz': { GET: () => (isReady() ? ok({ status: 'ready' }) : problem(503, 'stopping')) },
  '/openapi.json': { GET: () => ok(openapi) },
})

const addTask = async (store: TaskStore, request: IncomingMessage): Promise<Reply> => {
  const body = await readJson(request)
  if ('status' in body) return body
  const read = readTask(body.json)
  return 'faults' in read ? problem(400, 'the task is not valid', { faults: read.faults }) : { status: 201, body: store.add(read.task) }
}
