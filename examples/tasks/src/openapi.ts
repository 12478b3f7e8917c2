import { problemResponse, problemSchema } from '../../common/problem.ts'
import { limits } from './task.ts'

export const service = { name: 'tasks', version: '1.0.0' } as const

const title = { type: 'string', minLength: 1, maxLength: limits.title }

const task = {
  type: 'object',
  required: ['id', 'title', 'description', 'completed', 'version'],
  properties: {
    id: { type: 'integer', minimum: 1 },
    title,
    description: { type: 'string' },
    completed: { type: 'boolean' },
    version: { type: 'integer', minimum: 1, description: 'Grows with each change; its ETag' },
  },
}

const change = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: { title, completed: { const: true, description: 'A task is completed once' } },
}

const draft = {
  type: 'object',
  required: ['title'],
  properties: { title, description: { type: 'string', maxLength: limits.description, default: '' } },
}

const json = (description: string, schema: object) => ({ description, content: { 'application/json': { schema } } })
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })

const page = { type: 'object', required: ['tasks'], properties: { tasks: { type: 'array', items: ref('Task') }, next: { type: 'integer' } } }
const ifMatch = { name: 'If-Match', in: 'header', schema: { type: 'string' }, description: 'The ETag that was seen: a task that changed since is left as it is' }
const none = problemResponse('There is no such task')
const stale = problemResponse('It has changed since')
const away = problemResponse('The database does not answer')

export const openapi = {
  openapi: '3.1.0',
  info: { title: 'Tasks', version: service.version, description: 'The to-do service', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
  paths: {
    '/': { get: { operationId: 'about', responses: { 200: json('Name, version and Pod', { type: 'object' }) } } },
    '/tasks': {
      get: {
        operationId: 'listTasks',
        parameters: [
          { name: 'after', in: 'query', schema: { type: 'integer', minimum: 0 }, description: 'The `next` of an earlier answer' },
          { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: limits.page, default: limits.page } },
        ],
        responses: { 200: json('Tasks by id; `next` where there are more', page), 400: problemResponse('What is wrong with the query'), 503: away },
      },
      post: {
        operationId: 'addTask',
        requestBody: { required: true, content: { 'application/json': { schema: ref('TaskDraft') } } },
        responses: { 201: json('The task, with its id', ref('Task')), 400: problemResponse('What is wrong with it'), 413: problemResponse('Too large'), 503: away },
      },
    },
    '/tasks/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer', minimum: 1 } }],
      get: { operationId: 'getTask', responses: { 200: json('The task', ref('Task')), 404: none, 503: away } },
      patch: {
        operationId: 'changeTask',
        parameters: [ifMatch],
        requestBody: { required: true, content: { 'application/json': { schema: ref('TaskChange') } } },
        responses: { 200: json('The task as it is now', ref('Task')), 400: problemResponse('What is wrong with it'), 404: none, 412: stale, 503: away },
      },
      delete: { operationId: 'deleteTask', parameters: [ifMatch], responses: { 200: json('The task as it was', ref('Task')), 404: none, 412: stale, 503: away } },
    },
    '/healthz': { get: { operationId: 'isAlive', responses: { 200: json('Alive', { type: 'object' }) } } },
    '/readyz': {
      get: { operationId: 'isReady', responses: { 200: json('Takes requests', { type: 'object' }), 503: problemResponse('Is stopping, or its database does not answer') } },
    },
  },
  components: { schemas: { Task: task, TaskDraft: draft, TaskChange: change, Problem: problemSchema } },
} as const
