import { connect } from 'node:net'
import type { Container, ExecAction, HTTPGetAction, ProbeHandler, TCPSocketAction } from '../../../base/api/generated/types.ts'
import type { ContainerRuntime } from '../../runtime/runtime.ts'
import { runCommand } from './command.ts'
import { dialError } from './dial-error.ts'
import { httpGet, httpGetRequest } from './http-get.ts'
import { portOf } from './port.ts'
import type { ProbeAnswer } from './probe-state.ts'

export interface ProbeTarget {
  readonly runtime: ContainerRuntime
  readonly container: Container
  readonly containerId: string
  readonly ip: string
  readonly timeoutMs: number
}

/** Asks a probe once; messages as upstream words them. Throws where the question could not be put, which says nothing about the container. */
export const askProbe = async (probe: ProbeHandler, target: ProbeTarget): Promise<ProbeAnswer> => {
  if (target.runtime.answer) return target.runtime.answer(target.containerId)
  if (probe.exec) return askExec(probe.exec, target)
  if (probe.httpGet) return askHttp(probe.httpGet, target)
  if (probe.tcpSocket) return askTcp(probe.tcpSocket, target)
  // Few Pods have one: what it needs is loaded with the first.
  if (probe.grpc) return (await import('./grpc-health.ts')).askGrpcHealth({ ...probe.grpc, host: target.ip, timeoutMs: target.timeoutMs })
  throw new Error(`missing probe handler for ${target.container.name}`)
}

const askExec = async ({ command = [] }: ExecAction, { runtime, containerId, timeoutMs }: ProbeTarget): Promise<ProbeAnswer> => {
  const signal = AbortSignal.timeout(timeoutMs)
  const { code, output } = await runCommand(runtime, containerId, { command, signal })
  if (signal.aborted) return { ok: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s` }
  return { ok: code === 0, message: output }
}

const askTcp = ({ host, port }: TCPSocketAction, target: ProbeTarget): Promise<ProbeAnswer> => {
  const at = { host: host || target.ip, port: portOf(port, target.container) }
  const address = `${at.host}:${at.port}`
  return new Promise((resolve) => {
    const socket = connect(at)
    const finish = (answer: ProbeAnswer) => (socket.destroy(), resolve(answer))
    socket.setTimeout(target.timeoutMs, () => finish({ ok: false, message: `dial tcp ${address}: i/o timeout` }))
    socket.once('connect', () => finish({ ok: true, message: '' }))
    socket.once('error', (error) => finish({ ok: false, message: dialError(error, address) }))
  })
}

const askHttp = async (action: HTTPGetAction, target: ProbeTarget): Promise<ProbeAnswer> => {
  const request = httpGetRequest(action, target)
  const answer = await httpGet(request, { signal: AbortSignal.timeout(target.timeoutMs) }).catch((error: Error) => error)
  if (answer instanceof Error) return { ok: false, message: answer.message }
  const { status, body } = answer
  if (status < 200 || status >= 400) return { ok: false, message: `HTTP probe failed with statuscode: ${status}` }
  return status < 300 ? { ok: true, message: body } : { ok: true, message: `Probe terminated redirects, Response body: ${body}`, isWarning: true }
}
