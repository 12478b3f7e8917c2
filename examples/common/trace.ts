import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** What ties the calls together that one request of a user causes: a request id for people, and W3C trace context for tools. */
export interface Trace {
  readonly requestId: string
  readonly traceId: string
  readonly spanId: string
  readonly flags: string
  readonly state: string | undefined
}

const traceparent = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/
const requestId = /^[\w.:-]{1,128}$/

/** Goes on with the caller's trace, or begins one. What the caller wrote badly is replaced, as the W3C recommendation asks; it never fails a request. */
export const readTrace = (headers: IncomingHttpHeaders): Trace => {
  const [, traceId, , flags] = traceparent.exec(one(headers['traceparent']) ?? '') ?? []
  const id = one(headers['x-request-id']) ?? ''
  return {
    requestId: requestId.test(id) ? id : randomUUID(),
    traceId: traceId ?? randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
    flags: flags ?? '00',
    state: traceId === undefined ? undefined : one(headers['tracestate']),
  }
}

/** The headers for a call onward: our own span is the parent of what happens there. */
export const traceHeaders = ({ requestId, traceId, spanId, flags, state }: Trace): Record<string, string> => ({
  'X-Request-Id': requestId,
  traceparent: `00-${traceId}-${spanId}-${flags}`,
  ...(state === undefined ? {} : { tracestate: state }),
})

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value.join(',') : value)
