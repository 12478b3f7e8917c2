import { connect } from 'node:net'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Container, HTTPGetAction, LifecycleHandler, ProbeHandler, TCPSocketAction } from '../../../base/api/generated/types.ts'
import type { ContainerRuntime } from '../../runtime/runtime.ts'
import type { ProbeAnswer } from './container-probes.ts'

export interface HandlerTarget {
  readonly runtime: ContainerRuntime
  readonly container: Container
  readonly containerId: string
  readonly ip: string
  readonly timeoutMs: number
}

/** Asks a probe or runs a lifecycle hook; messages as upstream words them. */
export const runHandler = async (handler: ProbeHandler | LifecycleHandler, target: HandlerTarget): Promise<ProbeAnswer> => {
  if (target.runtime.answer) return target.runtime.answer(target.containerId)
  if (handler.exec) return runExec(handler.exec.command ?? [], target)
  if (handler.httpGet) return runHttpGet(handler.httpGet, target)
  if (handler.tcpSocket) return runTcp(handler.tcpSocket, target)
  if ('grpc' in handler && handler.grpc)
    return (await import('./grpc-health.ts')).askGrpcHealth({ ...handler.grpc, host: target.ip, timeoutMs: target.timeoutMs })
  return { ok: false, message: 'missing probe handler' }
}

/** A port number, from the container's named ports if need be. */
export const portOf = (port: string | number, container: Container): number => {
  if (typeof port === 'number') return port
  const named = container.ports?.find((one) => one.name === port)?.containerPort ?? Number(port)
  if (!Number.isInteger(named)) throw new Error(`couldn't find port: ${port} in container`)
  return named
}

const outputLimit = 10 * 1024

const runExec = async (command: readonly string[], { runtime, containerId, timeoutMs }: HandlerTarget): Promise<ProbeAnswer> => {
  const session = await runtime.exec(containerId, { command, tty: false, stdin: false })
  let output = ''
  const collect = (chunk: Buffer) => {
    if (output.length < outputLimit) output += chunk.toString('utf8').slice(0, outputLimit - output.length)
  }
  session.stdout.on('data', collect)
  session.stderr?.on('data', collect)
  let isLate = false
  const timer = setTimeout(() => ((isLate = true), session.kill()), timeoutMs)
  const code = await session.exited.finally(() => clearTimeout(timer))
  if (isLate) return { ok: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s` }
  return { ok: code === 0, message: output }
}

const refused = (error: NodeJS.ErrnoException, address: string): string => {
  const words: Record<string, string> = {
    ECONNREFUSED: 'connection refused',
    EHOSTUNREACH: 'no route to host',
    ENETUNREACH: 'network is unreachable',
    ECONNRESET: 'connection reset by peer',
  }
  const word = words[error.code ?? '']
  return word ? `dial tcp ${address}: connect: ${word}` : error.message
}

const runTcp = ({ host, port }: TCPSocketAction, target: HandlerTarget): Promise<ProbeAnswer> => {
  const address = `${host || target.ip}:${portOf(port, target.container)}`
  return new Promise((resolve) => {
    const socket = connect({ host: host || target.ip, port: portOf(port, target.container) })
    const finish = (answer: ProbeAnswer) => (socket.destroy(), resolve(answer))
    socket.setTimeout(target.timeoutMs, () => finish({ ok: false, message: `dial tcp ${address}: i/o timeout` }))
    socket.once('connect', () => finish({ ok: true, message: '' }))
    socket.once('error', (error) => finish({ ok: false, message: refused(error, address) }))
  })
}

const runHttpGet = async (action: HTTPGetAction, target: HandlerTarget): Promise<ProbeAnswer> => {
  const scheme = (action.scheme ?? 'HTTP').toLowerCase()
  const path = action.path ?? '/'
  const headers = Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name, value]))
  let url = new URL(`${scheme}://${action.host || target.ip}:${portOf(action.port, target.container)}${path.startsWith('/') ? path : `/${path}`}`)
  for (let hop = 0; hop < 10; hop++) {
    const answer = await get(url, headers, target.timeoutMs)
    if ('error' in answer) return { ok: false, message: answer.error }
    const next = answer.location ? new URL(answer.location, url) : undefined
    if (!next || next.hostname !== url.hostname || answer.status < 300 || answer.status >= 400) {
      const ok = answer.status >= 200 && answer.status < 400
      return { ok, message: ok ? '' : `HTTP probe failed with statuscode: ${answer.status}` }
    }
    url = next
  }
  return { ok: false, message: `Get "${url.href}": stopped after 10 redirects` }
}

type HttpAnswer = { readonly status: number; readonly location: string | undefined } | { readonly error: string }

// Each probe has a connection of its own; certificates are not checked, as upstream.
const get = (url: URL, headers: Record<string, string>, timeoutMs: number): Promise<HttpAnswer> =>
  new Promise((resolve) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const request = send(url, {
      agent: false,
      rejectUnauthorized: false,
      headers: { 'User-Agent': 'kube-probe/1.36', Accept: '*/*', Connection: 'close', ...headers },
    })
    const timer = setTimeout(() => request.destroy(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')), timeoutMs)
    request.once('response', (response) => {
      clearTimeout(timer)
      response.resume()
      resolve({ status: response.statusCode ?? 0, location: response.headers.location })
      request.destroy()
    })
    request.on('error', (error) => {
      clearTimeout(timer)
      resolve({ error: `Get "${url.href}": ${refused(error, url.host)}` })
    })
    request.end()
  })
