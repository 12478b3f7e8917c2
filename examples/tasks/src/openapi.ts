import { problemResponse, problemSchema } from '../../common/problem.ts'
import { limits } from './tasks.ts'

export const service = { name: 'tasks', version: '1.0.0' } as const

const task = {
  type: 'object',
  required: ['id', 'title', 'description'],
  properties: { id: { type: 'integer', minimum: 1 }, title: { type: 'string' }, description: { type: 'string' } },
}

const draft = {
  type: 'object',
  required: ['title'],
  properties: { title: { type: 'string', minLength: 1, maxLength: limits.title }, description: { type: 'string', maxLength: limits.description, default: '' } },
}

const json = (description: string, schema: object) => ({ description, content: { 'application/json': { schema } } })
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })

export const openapi = {
  openapi: '3.1.0',
  info: { title: 'Tasks', version: service.version, description: 'The to-do service', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
  paths: {
    '/': { get: { operationId: 'about', responses: { 200: json('Name, version and Pod', { type: 'object' }) } } },
    '/tasks': {
      get: {
        operationId: 'listTasks',
        responses: { 200: json('All tasks', { type: 'object', required: ['tasks'], properties: { tasks: { type: 'array', items: ref('Task') } } }) },
      },
      post: {
        operationId: 'addTask',
        requestBody: { required: true, content: { 'application/json': { schema: ref('TaskDraft') } } },
        responses: { 201: json('The task, with its id', ref('Task')), 400: problemResponse('What is wrong with it'), 413: problemResponse('Too large') },
      },
    },
    '/healthz': { get: { operationId: 'isAlive', responses: { 200: json('Alive', { type: 'object' }) } } },
    '/readyz': {
      get: { operationId: 'isReady', responses: { 200: json('Takes requests', { type: 'object' }), 503: problemResponse('Is stopping') } },
    },
  },
  components: { schemas: { Task: task, TaskDraft: draft, Problem: problemSchema } },
} as const
