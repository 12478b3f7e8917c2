import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Container, HTTPGetAction } from '../../../base/api/generated/types.ts'
import { dialError } from './dial-error.ts'
import { portOf } from './port.ts'

const bodyLimit = 10 * 1024
const mostHops = 10
const followed = [301, 302, 303, 307, 308]

export interface HttpGetRequest {
  readonly url: URL
  readonly headers: Readonly<Record<string, string | string[]>>
}

export interface HttpGetAnswer {
  readonly status: number
  /** Its beginning. */
  readonly body: string
}

/** What a probe or a hook asks for. A header of the action takes the place of ours; an empty `Accept` takes it away. */
export const httpGetRequest = (action: HTTPGetAction, { container, ip }: { container: Container; ip: string }): HttpGetRequest => {
  const scheme = (action.scheme || 'HTTP').toLowerCase()
  const path = action.path || '/'
  const url = new URL(`${scheme}://${action.host || ip}:${portOf(action.port, container)}${path.startsWith('/') ? path : `/${path}`}`)
  const own = new Map<string, string[]>()
  for (const { name, value } of action.httpHeaders ?? []) own.set(name.toLowerCase(), [...(own.get(name.toLowerCase()) ?? []), value])
  const headers = new Map<string, string[]>([['user-agent', ['kube-probe/1.36']], ['accept', ['*/*']], ...own])
  if (headers.get('accept')?.every((value) => value === '')) headers.delete('accept')
  return { url, headers: Object.fromEntries([...headers].map(([name, values]) => [name, values.length === 1 ? values[0]! : values])) }
}

/** Asks, and follows redirects as long as they stay at the same host; one that leaves it is the answer. Throws as Go words a failed dial. */
export const httpGet = async ({ url: first, headers }: HttpGetRequest, { signal }: { signal: AbortSignal }): Promise<HttpGetAnswer> => {
  let url = first
  for (let hop = 0; hop < mostHops; hop++) {
    const { location, ...answer } = await askOnce({ url, headers }, signal)
    const next = location !== undefined && followed.includes(answer.status) ? new URL(location, url) : undefined
    if (next?.hostname !== first.hostname) return answer
    url = next
  }
  throw new Error(`Get "${url.href}": stopped after ${mostHops} redirects`)
}

// Each has a connection of its own; certificates are not checked, as upstream.
const askOnce = ({ url, headers }: HttpGetRequest, signal: AbortSignal): Promise<HttpGetAnswer & { readonly location: string | undefined }> =>
  new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    let waitsFor = 'awaiting headers'
    const fail = (error: NodeJS.ErrnoException) =>
      reject(
        new Error(
          signal.aborted
            ? `Get "${url.href}": context deadline exceeded (Client.Timeout exceeded while ${waitsFor})`
            : `Get "${url.href}": ${dialError(error, url.host)}`,
          { cause: error },
        ),
      )
    const request = send(url, { agent: false, rejectUnauthorized: false, signal, headers: { connection: 'close', ...headers } }, (response) => {
      waitsFor = 'reading body'
      let body = ''
      const finish = () => {
        resolve({ status: response.statusCode ?? 0, body, location: response.headers.location })
        request.destroy()
      }
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString('utf8').slice(0, bodyLimit - body.length)
        if (body.length >= bodyLimit) finish()
      })
      response.once('end', finish).on('error', fail)
    })
    request.on('error', fail).end()
  })
