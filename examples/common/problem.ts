import { STATUS_CODES } from 'node:http'
import type { Reply } from './http.ts'

export interface Fault {
  readonly field: string
  readonly message: string
}

/** A refusal as `application/problem+json` (RFC 9457): `detail` says what is wrong, `faults` where. */
export const problem = (status: number, detail: string, more: { faults?: readonly Fault[]; headers?: Record<string, string> } = {}): Reply => ({
  status,
  type: 'application/problem+json',
  body: { title: STATUS_CODES[status], status, detail, ...(more.faults ? { faults: more.faults } : {}) },
  ...(more.headers ? { headers: more.headers } : {}),
})

/** What stands behind this service cannot answer now; the caller may try again. Answered with 503. */
export class Unavailable extends Error {}

/** Its description for an OpenAPI document. */
export const problemSchema = {
  type: 'object',
  required: ['title', 'status', 'detail'],
  properties: {
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    faults: { type: 'array', items: { type: 'object', properties: { field: { type: 'string' }, message: { type: 'string' } } } },
  },
} as const

export const problemResponse = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
})
