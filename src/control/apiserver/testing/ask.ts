// Requests as a client sends them, without a network, for tests.
import type { ApiServer } from '../api-server.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import { admin } from './test-server.ts'

export type Asked = Partial<Omit<ApiRequest, 'path' | 'query' | 'body'>> & { readonly body?: unknown }

export interface Answer {
  readonly status: number
  // What the API answers is free-form to a test.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
  readonly response: ApiResponse
}

/** Asks with a path and query; an object becomes a JSON body, and JSON in the answer an object. */
export const createAsk =
  (server: () => ApiServer) =>
  async (target: string, { body, ...more }: Asked = {}): Promise<Answer> => {
    const url = new URL(target, 'http://localhost')
    const response = await server().handle({
      method: 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: {},
      user: admin,
      signal: new AbortController().signal,
      ...(body === undefined ? {} : { body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) }),
      ...more,
    })
    const text = response.body instanceof Uint8Array ? Buffer.from(response.body).toString() : response.body
    return { status: response.status, body: typeof text === 'string' && text.startsWith('{') ? JSON.parse(text) : text, response }
  }

/** The events of a watch's answer, up to `count` or its end. */
// oxlint-disable-next-line typescript/no-explicit-any
export async function eventsOf({ response }: Answer, count = Infinity): Promise<any[]> {
  const events: unknown[] = []
  for await (const chunk of response.stream ?? []) {
    events.push(
      ...Buffer.from(chunk)
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    )
    if (events.length >= count) break
  }
  return events
}
