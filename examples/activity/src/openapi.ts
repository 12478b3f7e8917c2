import { problemResponse, problemSchema } from '../../common/problem.ts'
import { eventTypes, longest } from './event.ts'

export const service = { name: 'activity', version: '1.0.0' } as const

const kept = {
  source: { type: 'string', format: 'uri-reference', minLength: 1, maxLength: longest.source },
  id: { type: 'string', minLength: 1, maxLength: longest.id },
  type: { type: 'string', enum: eventTypes },
  subject: { type: 'string', minLength: 1, maxLength: longest.subject, description: 'The id of the task' },
  time: { type: 'string', format: 'date-time', description: 'When it happened' },
  data: { description: 'Whatever the event says beyond that' },
}
const required = ['source', 'id', 'type', 'subject', 'time']

const cloudEvent = { type: 'object', required: ['specversion', ...required], properties: { specversion: { const: '1.0' }, ...kept } }
const activity = { type: 'object', required, properties: kept }

const json = (description: string, schema: object) => ({ description, content: { 'application/json': { schema } } })
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const query = (name: string, schema: object, more: object = {}) => ({ name, in: 'query', schema, ...more })
const list = (more: object = {}) => ({
  type: 'object',
  required: ['activity'],
  properties: { activity: { type: 'array', items: ref('Activity') }, ...more },
})
const away = problemResponse('The database does not answer')

export const openapi = {
  openapi: '3.1.0',
  info: { title: 'Activity', version: service.version, description: 'What happened to tasks', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
  paths: {
    '/': { get: { operationId: 'about', responses: { 200: json('Name, version and Pod', { type: 'object' }) } } },
    '/events': {
      post: {
        operationId: 'recordEvent',
        description: 'Keeps an event. Idempotent by source and id: what is delivered twice is kept once.',
        requestBody: {
          required: true,
          content: { 'application/cloudevents+json': { schema: ref('CloudEvent') }, 'application/json': { schema: ref('CloudEvent') } },
        },
        responses: {
          200: json('It was kept before', ref('Activity')),
          201: json('It is kept now', ref('Activity')),
          400: problemResponse('What is wrong with it'),
          413: problemResponse('Too large'),
          415: problemResponse('No JSON'),
          503: away,
        },
      },
    },
    '/activity': {
      get: {
        operationId: 'listActivity',
        parameters: [
          query('subject', { type: 'string' }, { description: 'Only of this task' }),
          query('limit', { type: 'integer', minimum: 1, maximum: 100, default: 20 }),
          query('before', { type: 'string' }, { description: 'The "next" of the page before' }),
        ],
        responses: { 200: json('Newest first', list({ next: { type: 'string' } })), 400: problemResponse('What is wrong with the query'), 503: away },
      },
    },
    '/activity/newest': {
      get: {
        operationId: 'newestActivity',
        parameters: [query('subject', { type: 'array', minItems: 1, maxItems: 100, items: { type: 'string' } }, { required: true, explode: true })],
        responses: { 200: json('The newest of each task', list()), 400: problemResponse('What is wrong with the query'), 503: away },
      },
    },
    '/healthz': { get: { operationId: 'isAlive', responses: { 200: json('Alive, whatever the database does', { type: 'object' }) } } },
    '/readyz': {
      get: {
        operationId: 'isReady',
        responses: { 200: json('Takes requests', { type: 'object' }), 503: problemResponse('Is stopping, or the database is away or not migrated') },
      },
    },
  },
  components: { schemas: { CloudEvent: cloudEvent, Activity: activity, Problem: problemSchema } },
} as const
